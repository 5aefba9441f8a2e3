# ruff: noqa: RUF001  look-alike characters are the subject
"""Each rule alone: what it finds in a text, in order, and what it leaves."""

import re

import pytest

from sentiment_assets.core.pii.account import ACCOUNT
from sentiment_assets.core.pii.birth_date import BIRTH_DATE
from sentiment_assets.core.pii.card import CARD
from sentiment_assets.core.pii.coordinates import COORDINATES
from sentiment_assets.core.pii.device import DEVICE
from sentiment_assets.core.pii.digit_run import DIGIT_RUN
from sentiment_assets.core.pii.email import EMAIL
from sentiment_assets.core.pii.handle import HANDLE
from sentiment_assets.core.pii.iban import IBAN
from sentiment_assets.core.pii.ip import IP
from sentiment_assets.core.pii.national_id import NATIONAL_ID
from sentiment_assets.core.pii.phone import PHONE
from sentiment_assets.core.pii.rule import Rule
from sentiment_assets.core.pii.secret import SECRET
from sentiment_assets.core.pii.url import URL
from sentiment_assets.core.text import canonicalise

CASES: list[tuple[Rule, str, list[str]]] = [
    (
        SECRET,
        "sk_test_abc123def456, key=AKIAIOSFODNN7EXAMPLE",
        ["sk_test_abc123def456", "AKIAIOSFODNN7EXAMPLE"],
    ),
    (
        SECRET,
        f"ghp_{'a1' * 12} xoxb-123456789012-abc",
        [f"ghp_{'a1' * 12}", "xoxb-123456789012-abc"],
    ),
    (
        SECRET,
        "eyJhbGc... or eyJhbGciOi1.eyJzdWIi.sig-1 7",
        ["eyJhbGc", "eyJhbGciOi1.eyJzdWIi.sig-1"],
    ),
    (SECRET, "ask_test_me12345678, sk-8 boards, AKIA 7, eyJ7, no digit: ghp", []),
    (EMAIL, "write to jane.roe+news@mail.example.co.za.", ["jane.roe+news@mail.example.co.za"]),
    (EMAIL, "'o'neil@example.org', (x_1@y.io)", ["o'neil@example.org", "x_1@y.io"]),
    (EMAIL, "mailto:jane@example.org?x", ["jane@example.org"]),
    (EMAIL, "連絡先jane@example.jpまで", ["jane@example.jp"]),
    (EMAIL, "jane%40example.com and jаnе@еxample.com", ["jane@example.com"] * 2),
    (EMAIL, "ja\u200bne＠example．com", ["jane@example.com"]),
    (EMAIL, "jane [at] example [dot] com", ["jane [at] example [dot] com"]),
    (EMAIL, "jane(at)example.com", ["jane(at)example.com"]),
    (EMAIL, "jane at example dot com", ["jane at example dot com"]),
    (EMAIL, "jane.roe@gmail or jane@gmail", ["jane.roe@gmail", "jane@gmail"]),
    (EMAIL, "иван@почта.рф, jane at gmail.com", ["ивaн@пoчтa.pф", "jane at gmail.com"]),
    (EMAIL, "lunch @ noon, me@5, f@cking, w@w", []),
    (EMAIL, "RT@jane.roe: hi @user@example.social", []),
    (EMAIL, "meet at joe's, dot your i's", []),
    (EMAIL, "thanks@user so.@user wow...@user", []),
    (HANDLE, "@jane and .@Jane_Roe1, (@x)", ["@jane", "@Jane_Roe1", "@x"]),
    (HANDLE, "RT@user: via rt@other", ["@user", "@other"]),
    (HANDLE, "今日は@userさんと@名前", ["@user"]),
    (HANDLE, "@jane.roe but @user.Great day @user.", ["@jane.roe", "@user", "@user"]),
    (HANDLE, "@jane@example.social!", ["@jane@example.social"]),
    (HANDLE, "＠user &#64;user @\u200buser", ["@user"] * 3),
    (HANDLE, "thanks@user", ["@user"]),
    (HANDLE, "@@user @1direction", ["@user", "@1direction"]),
    (HANDLE, "ig: jane_roe, snapchat: janeroe", ["jane_roe", "janeroe"]),
    (HANDLE, "my insta is jane.roe99! IG - roe_x", ["jane.roe99", "roe_x"]),
    (HANDLE, "u/jane_roe or jane#4711", ["u/jane_roe", "jane#4711"]),
    (HANDLE, "Instagram: follow us, snap: so good, wow#2016, Discord is down, line 12, w/u/s", []),
    (HANDLE, "Twitter iphone7, user is happy2, skype: now", ["happy2", "now"]),
    # Names written as accounts are.
    (
        HANDLE,
        "thanks jsmith42, pamelagreen977 and JSmith42",
        ["jsmith42", "pamelagreen977", "JSmith42"],
    ),
    (HANDLE, "with sarahj28, samantha2361, jane.roe99", ["sarahj28", "samantha2361", "jane.roe99"]),
    (HANDLE, "janesmith1985! jr_pineda24…", ["janesmith1985", "jr_pineda24"]),
    (
        HANDLE,
        '"db_user": "pamelagr", \'login\' = \'x-ray\', user_name: "jo"',
        ["pamelagr", "x-ray"],
    ),
    (HANDLE, "covid19 iphone7 forever21 blink182 euro2016 windows10 superbowl50 paris2024", []),
    (
        HANDLE,
        "#jsmith42 /jsmith42 jsmith42000 jsmith42x jsmith42.com clinton2016 saturday11 mh17",
        [],
    ),
    (HANDLE, "he said: \"hope\" and name = 'x'", []),
    (HANDLE, "sh@t, bad@ss, me@5, @ 5pm, @5pm, @10k, @7 @2x @", []),
    (URL, "see https://t.co/AbCdEf1234, ok", ["https://t.co/AbCdEf1234"]),
    (URL, "https://t.co/AbCdEf1234Remigration", ["https://t.co/AbCdEf1234"]),
    (URL, "(http://example.com/a_(b)?q=1&r=2#c).", ["http://example.com/a_(b)?q=1&r=2#c"]),
    (URL, "HTTP://EXAMPLE.COM http://x.y/日本", ["HTTP://EXAMPLE.COM", "http://x.y/"]),
    (URL, "こちらhttps://example.jp/aを", ["https://example.jp/a"]),
    (
        URL,
        "www.example.com/x! example.co.uk bit.ly/3xYz",
        ["www.example.com/x", "example.co.uk", "bit.ly/3xYz"],
    ),
    (URL, "hxxp://evil.example ex\u200bample.com", ["hxxp://evil.example", "example.com"]),
    (URL, "jane [at] example.com, jane(at)example.com, jane at gmail.com", []),
    (URL, "Greennews.ng or jane.page", ["Greennews.ng", "jane.page"]),
    (URL, "great.It was", []),
    (URL, "end.Blog next, 22.se, e.g. this, a.m./p.m., and/or, logger.info(x)", []),
    (URL, "v1.2.3 node.js $1.50 Mr.Smith U.S. jane@example.com", []),
    (IP, "from 192.168.1.1:8080 and 8.8.8.8.", ["192.168.1.1", "8.8.8.8"]),
    (
        IP,
        "2001:db8:85a3::8a2e:370:7334, ::ffff:10.0.0.1",
        ["2001:db8:85a3::8a2e:370:7334", "::ffff:10.0.0.1"],
    ),
    (IP, "[fe80::1ff:fe23:4567:890a]", ["fe80::1ff:fe23:4567:890a"]),
    (IP, "１９２．１６８．１．１", ["192.168.1.1"]),
    (IP, "v1.2.3.4, version 10.0.1.2, 300.1.1.1, 1.2.3, 1.2.3.4.5", []),
    (IP, "10:30:15, ::D, C::b, 12:34, std::vector, 00:1A:2B", []),
    (IBAN, "GB29 NWBK 6016 1331 9268 19", ["GB29 NWBK 6016 1331 9268 19"]),
    (IBAN, "pay DE89370400440532013000 now", ["DE89370400440532013000"]),
    (IBAN, "gb12spfc66723974480868 (wrong checksum)", ["gb12spfc66723974480868"]),
    (IBAN, "NL91-ABNA-0417-1643-00", ["NL91-ABNA-0417-1643-00"]),
    (IBAN, "IS64 4667 5322 6294 2507 2937 55", ["IS64 4667 5322 6294 2507 2937 55"]),
    (IBAN, "GB2012championship IT12 GAME OVER, de2016bundesligasieger", []),
    (CARD, "4111-1111-1111-1111", ["4111-1111-1111-1111"]),
    (CARD, "4000 0000 0043 5638 has a wrong checksum", ["4000 0000 0043 5638"]),
    (CARD, "amex 3782 822463 10005", ["3782 822463 10005"]),
    (CARD, "4539768304967106", ["4539768304967106"]),
    (CARD, "4lll llll llll llll? 4l11-1111-11l1-1111", ["4111-1111-1111-1111"]),
    (CARD, "4539768304967107, 2012 2013 2014 2015, 4111-1111-1111", []),
    (NATIONAL_ID, "SSN 123-45-6789, 987 65 4321", ["123-45-6789", "987 65 4321"]),
    (
        NATIONAL_ID,
        "B91-36-5528 376-68-4S93 68O-l0-1001",
        ["891-36-5528", "376-68-4593", "680-10-1001"],
    ),
    (NATIONAL_ID, "8001015009087 and 800101 5009 08 7", ["8001015009087", "800101 5009 08 7"]),
    (
        NATIONAL_ID,
        "AB 12 34 56 C, ZZ713475T, AB123456D, AB12345D",
        ["AB 12 34 56 C", "ZZ713475T", "AB123456D"],
    ),
    (
        NATIONAL_ID,
        "12.345.678-Z, 131052-308T, 850101-2345678",
        ["12.345.678-Z", "131052-308T", "850101-2345678"],
    ),
    (NATIONAL_ID, "756.1234.5678.97 and 93.05.18-223.61", ["756.1234.5678.97", "93.05.18-223.61"]),
    (
        NATIONAL_ID,
        "1 85 05 78 006 084 36, 37060219600206796X",
        ["1 85 05 78 006 084 36", "37060219600206796X"],
    ),
    (
        NATIONAL_ID,
        "12.345.678-5, A123456(3), 070593-1234",
        ["12.345.678-5", "A123456(3)", "070593-1234"],
    ),
    (NATIONAL_ID, "+211-977-129-819, 046 454 286, 123 456 789", ["046 454 286"]),
    (
        NATIONAL_ID,
        "RSSMRA85T10A562S S1234567D 12345678Z",
        ["RSSMRA85T10A562S", "S1234567D", "12345678Z"],
    ),
    (NATIONAL_ID, "529.982.247-25, 44051401359", ["529.982.247-25", "44051401359"]),
    (NATIONAL_ID, "2341 2341 2346 is Aadhaar", ["2341 2341 2346"]),
    (NATIONAL_ID, "8099015009087, 1234 5678 9012, 123-456-7890, 12-34-5678", []),
    (PHONE, "+27 82 555 0143, +1 (609) 216-3749", ["+27 82 555 0143", "+1 (609) 216-3749"]),
    (PHONE, "(760)514-1109 730.347.5681x8340", ["(760)514-1109", "730.347.5681x8340"]),
    (PHONE, "082 555 0143 or 0825550143", ["082 555 0143", "0825550143"]),
    (
        PHONE,
        "call 555 0143; 02.27.96.63.08; 28-81-33-70",
        ["555 0143", "02.27.96.63.08", "28-81-33-70"],
    ),
    (PHONE, "電話は090-1234-5678です", ["090-1234-5678"]),
    (PHONE, "０８２ ５５５ ０１４３", ["082 555 0143"]),
    (PHONE, "O82 555 Ol43, 0\u200b82 555 0143", ["082 555 0143"] * 2),
    (PHONE, "text (858) 336-5868Now, Call202-224-3121Help", ["(858) 336-5868", "202-224-3121"]),
    (PHONE, "1️⃣800 555 0143", ["1800 555 0143"]),
    (PHONE, "202-224-3121 202-224-3122", ["202-224-3121", "202-224-3122"]),
    (PHONE, "(202-224-3121)", ["202-224-3121"]),
    (PHONE, "032 385 68 19 in 2016", ["032 385 68 19"]),
    (PHONE, "call 33 93 31, tel. 555 014; bel 12.34.56", ["33 93 31", "555 014", "12.34.56"]),
    (
        PHONE,
        "00225 21 23 4 59765 and 8.(771).000.3873",
        ["00225 21 23 4 59765", "8.(771).000.3873"],
    ),
    (PHONE, "33 93 31, appel 2014 - 2015, called 2016-2017, call 911", []),
    # Short ones, behind words that call them phones.
    (PHONE, "call 4203, Tel. 25103 or text me on 27 078", ["4203", "25103", "27 078"]),
    (PHONE, "my number is 22-33-57; her new number: 7012", ["22-33-57", "7012"]),
    (PHONE, "whatsapp (315028), tel.: 3-80891", ["315028"]),
    (PHONE, "call me at 0930, call 2016, tel 5000, text 100000 people, a call: 4203 users", []),
    (PHONE, "the number is 4203, in call 1 of 4203, #call 4203", []),
    (
        PHONE,
        "2212.9135 or 96.121103; 3.14159265, $2212.9135, 2017.0831",
        ["2212.9135", "96.121103"],
    ),
    (PHONE, "08-12 18 67 and 07-12 21-25", ["08-12 18 67"]),
    (PHONE, "at 082 555 0143 2) (0112 343 40 12)", ["082 555 0143", "0112 343 40 12"]),
    (PHONE, "+687 20.08.25 and 00687 20.08.25, 20.08.25", ["+687 20.08.25", "00687 20.08.25"]),
    (PHONE, "E061754756 and M047557774", []),
    (DIGIT_RUN, "E061754756 and M047557774", ["E061754756", "M047557774"]),
    (NATIONAL_ID, "+211 977 127 653 or 00250 250 121 340", []),
    (PHONE, "+211 977 127 653 or 00250 250 121 340", ["+211 977 127 653", "00250 250 121 340"]),
    (PHONE, "2015-2016, 2014 2015 2016, (2017–2021), 1914-1918", []),
    (DIGIT_RUN, "case 3837252, 0 8 2 5 5 5 0 1", ["3837252", "0 8 2 5 5 5 0 1"]),
    (DIGIT_RUN, "MRN-6735988 #01082017 x1234567y", ["MRN-6735988", "01082017", "1234567"]),
    (
        DIGIT_RUN,
        "AB1234567, A12345678Z, 8193-7244253-6",
        ["AB1234567", "A12345678Z", "8193-7244253-6"],
    ),
    (DIGIT_RUN, "$1000000 is seven digits", ["1000000"]),
    (DIGIT_RUN, "1\u200b2\u200b3\u200b4567", ["1234567"]),
    (DIGIT_RUN, "916950781 / 916950782", ["916950781 / 916950782"]),
    (DEVICE, "5c:8a:e6:42:fa:56 or 5C-8A-E6-42-FA-56", ["5c:8a:e6:42:fa:56", "5C-8A-E6-42-FA-56"]),
    (DEVICE, "001a.2b3c.4d5e", ["001a.2b3c.4d5e"]),
    (
        DEVICE,
        "idfa aede52e7-03ee-455a-83c4-e57283966239",
        ["aede52e7-03ee-455a-83c4-e57283966239"],
    ),
    (DEVICE, "10:30:15, ab:cd:ef:ab:cd:ef, 1234.5678.9012, 1:2:3:4:5:6", []),
    (COORDINATES, "40.7128, -74.0060; (33.9249,18.4241)", ["40.7128, -74.0060", "33.9249,18.4241"]),
    (COORDINATES, "40.7128° N, 74.0060° W", ["40.7128° N, 74.0060° W"]),
    (COORDINATES, "40º42'46\"N 74º0'22\"W", ["40°42'46\"N 74°0'22\"W"]),
    (COORDINATES, "S33° 55.509' E18° 25.439'", ["S33° 55.509' E18° 25.439'"]),
    (COORDINATES, "geo:37.78,-122.39 and 8FVC9G8F+6W", ["geo:37.78,-122.39", "8FVC9G8F+6W"]),
    (COORDINATES, "lat: -33.92, lng: 18.42", ["lat: -33.92, lng: 18.42"]),
    (
        COORDINATES,
        "9.250, 9.500; 3.141, 2.718; 99.9999, 199.9999; $12.3456, 1234+56; it is 40° N of here",
        [],
    ),
    (
        BIRTH_DATE,
        "DOB: 1990-01-15, dob 15/1/90, D.O.B 15 01 90",
        ["1990-01-15", "15/1/90", "15 01 90"],
    ),
    (BIRTH_DATE, "record 1990-01-15, 1989-11-09.", ["1990-01-15", "1989-11-09"]),
    (BIRTH_DATE, "2016-01-15, 1990-01, 1990-13-15, 1990-01-15-3, 15-01-1990, 1990-01-15.5", []),
    (BIRTH_DATE, '{"date_of_birth": "1978-02-22"}', ["1978-02-22"]),
    (BIRTH_DATE, "born in Cape Town on 12 March 1990", ["12 March 1990"]),
    (BIRTH_DATE, "Jane Roe (b. March 3rd, 1980)", ["March 3rd, 1980"]),
    (BIRTH_DATE, "date of birth. It's 10/15/1986", ["10/15/1986"]),
    (BIRTH_DATE, "my birthday is 5/7/1990; DOB (dd/mm/yyyy): 05071990", ["5/7/1990", "05071990"]),
    (BIRTH_DATE, "geboren am 12. März 1990, gebore op 1 Mei 1991", ["12. Marz 1990", "1 Mei 1991"]),
    (
        BIRTH_DATE,
        "née le 3 mars 1985; nacida el 12 de marzo de 1990",
        ["3 mars 1985", "12 de marzo de 1990"],
    ),
    (BIRTH_DATE, "What is your date of birth?\nA: 10/02/1953.", ["10/02/1953"]),
    (BIRTH_DATE, "415-55-7615|04/04/1980|x, 415-55-7615 04/04/1980", ["04/04/1980"]),
    (BIRTH_DATE, "Дата рождения: 12.03.1990", ["12.03.1990"]),
    (BIRTH_DATE, "1990年1月2日生まれ。生年月日：1990年1月2日", ["1990年1月2日"] * 2),
    (
        BIRTH_DATE,
        "on 12 March 1990, birthday bash 12/10, born 2 run 2016, my birthday is July 5, "
        "New Adventures. Jan 31st, 2016, B. 11.4.17, ne 5/7/1990x",
        [],
    ),
    (ACCOUNT, "account no 12345, acct #44556, a/c: 123456", ["12345", "44556", "123456"]),
    (ACCOUNT, "Passport: P7X110527; passport number AB 123456", ["P7X110527", "AB 123456"]),
    (ACCOUNT, "my driver's license number is a56319335", ["a56319335"]),
    (ACCOUNT, "License: DL-T25645-45 | Policy: POL-44", ["DL-T25645-45", "POL-44"]),
    (ACCOUNT, 'empid="EMP-36411" (ID: EMP-24065)', ["EMP-36411", "EMP-24065"]),
    (ACCOUNT, "sort code 12-34-56, BSB 123-456", ["12-34-56", "123-456"]),
    (ACCOUNT, "SWIFT: CHASUS33, BIC DEUTDEFF500", ["CHASUS33", "DEUTDEFF500"]),
    (ACCOUNT, "number plate CA 123-456, plates ABC 1234", ["CA 123-456", "ABC 1234"]),
    (ACCOUNT, "booking reference ABC123, order no. 12345", ["ABC123", "12345"]),
    (ACCOUNT, "MRN-12345, D123-4567-8901", ["MRN-12345", "D123-4567-8901"]),
    (ACCOUNT, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"]),
    (
        ACCOUNT,
        "0x742d35Cc6634C0532925a3b844Bc454e4438f44e",
        ["0x742d35Cc6634C0532925a3b844Bc454e4438f44e"],
    ),
    (
        ACCOUNT,
        "my account since 2009, account 5,000,000, passport 2016, order #66, case 12 of 2016, "
        "visa 2017/2018, Policy: 1000 troops, I.D. please, TIN 2016",
        [],
    ),
    (
        ACCOUNT,
        "ISO-27001 CVE-2016-12345 COVID-19 iPhone6s 1080p60fps R2D2 C3PO #S1E2S3 315x6365x10365x10 "
        "USA2016TRUMP2020",
        [],
    ),
    *(
        (rule, text, [])
        for rule in (PHONE, DIGIT_RUN, CARD, NATIONAL_ID, ACCOUNT, COORDINATES, BIRTH_DATE)
        for text in (
            "open 24/7, 24/7/365",
            "$1,000,000 or R100 000 000 or €1.000.000 or 1 000 000 people",
            "2016-12-14, 14/12/2016, 12.05.2016 10:30, 11 / 27 / 2016",
            "10:30-11:30, 1030-1130, 9:30 am to 10:30 am",
            "v10.0.19041, version 54.0.2840.71, iOS 10.1.2",
            "won 6-4 3-6 7-6 6-3, 110-98 105-99, 21-17, 25-23",
            "#euro2016 2016 2017, #mh17 #2016, iPhone6 2016",
            "prices 45.67 12.34 145.67 152.34, 3.14159",
            "60/90/120/150/180/210 days, 1500-2000 people",
            "in 2016 1200 people, the 80s 90s 2000s, 100k 200k 300k",
            "5 4 3 2 1 go, 1, 2, 3, 4, 5, 6, 7, 8",
            "99.99% of 123 456",
        )
    ),
]


@pytest.mark.parametrize(
    ("rule", "text", "found"), CASES, ids=[f"{rule.kind}: {text[:40]}" for rule, text, _ in CASES]
)
def test_rule_finds(rule: Rule, text: str, found: list[str]) -> None:
    seen = canonicalise(text).text
    spans = list(rule.find(seen))
    assert [seen[span.start : span.end] for span in spans] == found
    assert {span.kind for span in spans} <= {rule.kind}
    assert not found or re.search(rule.hint, seen)
