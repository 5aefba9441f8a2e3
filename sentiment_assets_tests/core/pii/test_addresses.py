"""Addresses: what the three rules find together, and what they leave."""

import pytest

from sentiment_assets.core.pii import redact

CASES: list[tuple[str, list[str]]] = [
    # English.
    ("I live at 12 Main Street, come by", ["12 Main Street"]),
    ("550 Queen Street W and 2914 184th St!", ["550 Queen Street W", "2914 184th St"]),
    (
        "Big Papis 1234 McArthur Road, Whitehall, PA 18052 (610)",
        ["1234 McArthur Road, Whitehall, PA 18052"],
    ),
    ("at 15 oxford road or 231 w 29th street #805", ["15 oxford road", "231 w 29th street #805"]),
    ("Flat 3, 12b Church Lane, Hatfield, 0028", ["Flat 3, 12b Church Lane, Hatfield, 0028"]),
    (
        "18 Ocean Place, Amelia Island; 5 Coles Hill, Bath BA1 5AA",
        ["18 Ocean Place, Amelia Island", "5 Coles Hill, Bath BA1 5AA"],
    ),
    ("850 Ortiz Coves, North Regina, CA 87320", ["850 Ortiz Coves, North Regina, CA 87320"]),
    (
        "the corner of 149 William Street and Roe Street",
        ["the corner of 149 William Street and Roe Street"],
    ),
    # Dutch, Afrikaans, German, Nordic: in one word.
    ("Kerkstraat 12, 1017 GC Amsterdam", ["Kerkstraat 12, 1017 GC Amsterdam"]),
    (
        "woon in Voortrekkerstraat 5; Dirk de Derdelaan 149",
        ["Voortrekkerstraat 5", "Dirk de Derdelaan 149"],
    ),
    ("Hauptstraße 5, 10115 Berlin", ["Hauptstraße 5, 10115 Berlin"]),
    ("Paul-Nevermann-Platz 47 und hauptstr. 7", ["Paul-Nevermann-Platz 47", "hauptstr. 7"]),
    (
        "Eskelundsvej 15, Laugarvegur 66; Kirkegata 3B",
        ["Eskelundsvej 15", "Laugarvegur 66", "Kirkegata 3B"],
    ),
    ("Sørensenskogen 90, 7918 Torby", ["Sørensenskogen 90, 7918 Torby"]),
    # French, Spanish, Portuguese, Italian, Polish, Hungarian, Indonesian.
    ("12 bis rue de la Paix, 75002 Paris", ["12 bis rue de la Paix, 75002 Paris"]),
    ("3, avenue de Poulain; boulevard Albert 24", ["3, avenue de Poulain", "boulevard Albert 24"]),
    ("Calle de Alcalá 45, 28014 Madrid", ["Calle de Alcalá 45, 28014 Madrid"]),
    ("vivo en C/ Mayor, 5; Plaza de España 7", ["C/ Mayor, 5", "Plaza de España 7"]),
    (
        "Rua Augusta, 123; Via Roma 12, 00184 Roma (RM)",
        ["Rua Augusta, 123", "Via Roma 12, 00184 Roma (RM)"],
    ),
    (
        "ul. Królowej Jadwigi 112, Agip u. 96, Jl. Sudirman 5",
        ["ul. Królowej Jadwigi 112", "Agip u. 96", "Jl. Sudirman 5"],
    ),
    # Boxes, units, postcodes, field posts.
    (
        "PO Box 123, P.O. Box 101, Postbus 7; Private Bag X12",
        ["PO Box 123", "P.O. Box 101", "Postbus 7", "Private Bag X12"],
    ),
    ("PSC 1083, Box 3672\nAPO AP 10176", ["PSC 1083, Box 3672\nAPO AP 10176"]),
    ("Apt. 502 or suite 122", ["Apt. 502", "suite 122"]),
    (
        "12 Gralla 30 Suite 617, HELSINKI, Barbados 00336",
        ["12 Gralla 30 Suite 617, HELSINKI, Barbados 00336"],
    ),
    (
        "SW1A 1AA or K1A 0B1 or Springfield, IL 62701",
        ["SW1A 1AA", "K1A 0B1", "Springfield, IL 62701"],
    ),
    ("my zip code is 37773", ["37773"]),
    ("〒100-0001 東京都千代田区千代田1-1", ["〒100-0001", "東京都千代田区千代田1-1"]),
    ("南京西路88号", ["南京西路88号"]),
    # Lines of a quoted mail.
    (
        ">77 3658 Sunburst Drive\n>Apt. 466\n>Sanibel\n>Croatia 16352",
        ["77 3658 Sunburst Drive\n>Apt. 466\n>Sanibel\n>Croatia 16352"],
    ),
    # Nobody's address.
    ("Wall Street fell, Sesame Street, 2016 Wall Street", []),
    ("5 miles down the road, 2 wall street guys, 10 great hits", []),
    ("12 Jurassic Park, 3 Big St Patrick's, 7 A Special Place", []),
    ("$5 Main Street, 50% off Oxford Street", []),
    ("1st place, 2 way street, 5 day drive", []),
    ("brigade 5, renegade 2016, during 5, bring 2, Watergate 5", []),
    ("via Vogue 2016, 2014 via Tecsol, Plaza Cinemas 13, Canada Goose 5", []),
    ("Ronda Rousey 301, Quinta Cove Saturday 11, PIAZZA CONTRO LA MANOVRA DEL GOVERNO 12", []),
    ("Stasera Mario Monti alle 20, paseo hay un raptor 700R", []),
    ("moved to 21 but there is a girl 15", []),
    ("PS4 4GB, iPhone 7 32GB, N964NN, Jan. 29, 2016 We Are, 23 Jordan 45, Pippen 33", []),
    ("the corner of Main Street and First Avenue", []),
    ("Lakers 112, Bulls 98. 2016 US Open. Box office 2016, the Apt in 2016", []),
]


@pytest.mark.parametrize(("text", "found"), CASES, ids=[text[:40] for text, _ in CASES])
def test_addresses(text: str, found: list[str]) -> None:
    spans = redact(text).spans
    assert [text[s.start : s.end] for s in spans if s.kind == "address"] == found
