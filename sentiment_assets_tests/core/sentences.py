"""Short posts by language, written for these tests by the project: everyday complaints and thanks.

Belongs here: sentences and the language that they are in. What must be said of them stands in
``test_language.py``.
"""

# ruff: noqa: RUF001

from __future__ import annotations

#: Languages of Africa. Several have no model; a right name is welcome, a wrong one is not.
AFRICAN = {
    "af": [
        "Hoekom sukkel die app vandag so baie?",
        "Ek wag al twee weke vir my pakkie",
        "Baie geluk met julle nuwe winkel",
        "Die water is al weer af in ons dorp",
        "Dankie aan almal wat gehelp het",
        "Nee man, dit is mos nou belaglik",
        "Wie kan my help met hierdie probleem?",
        "Sien julle môre by die wedstryd",
    ],
    "zu": [
        "Ngicela usizo ngefoni yami",
        "Kwenzekani ngogesi eSoweto?",
        "Siyabonga kakhulu nonke",
        "Le nkampani ayinendaba nabantu",
        "Ngijabule kakhulu namhlanje",
        "Akekho ophendula ucingo",
        "Umdlalo ubumnandi izolo",
        "Sizobonana kusasa ekuseni",
    ],
    "xh": [
        "Ndicela uncedo ngefowuni yam",
        "Kutheni umbane ungekho namhlanje?",
        "Sibulela kakhulu nonke",
        "Le nkampani ayikhathali ngabantu",
        "Ndonwabile kakhulu namhlanje",
        "Akukho mntu uphendulayo",
        "Umdlalo ubumnandi izolo",
        "Siza kubonana ngomso kusasa",
    ],
    "st": [
        "Ke kopa thuso ka mohala wa ka",
        "Hobaneng motlakase o sa kgutle kajeno?",
        "Re leboha haholo bohle",
        "Khamphani ena ha e tsotelle batho",
        "Ke thabile haholo kajeno",
        "Ha ho motho ya arabang",
    ],
    "tn": [
        "Ke kopa thuso ka mogala wa me",
        "Goreng motlakase o sa boe gompieno?",
        "Re leboga thata botlhe",
        "Khampani e ga e kgathalele batho",
        "Ke itumetse thata gompieno",
        "Ga go motho yo o arabang",
    ],
    "ts": ["Ndzi kombela mpfuno hi riqingho ra mina", "Hi khensa ngopfu hinkwenu"],
    "ve": ["Ndi humbela thuso nga founu yanga", "Ri a livhuwa vhothe"],
    "ss": ["Ngicela lusito ngelucingo lwami", "Siyabonga kakhulu nonkhe"],
    "sw": [
        "Naomba msaada kuhusu simu yangu",
        "Kwa nini umeme umekatika leo?",
        "Asanteni sana nyote",
        "Kampuni hii haiwajali watu",
    ],
    "sn": ["Ndinokumbirawo rubatsiro nefoni yangu", "Tinotenda zvikuru mose"],
    "ha": ["Ina neman taimako da wayata", "Mun gode sosai duka"],
    "yo": ["Mo nilo iranlowo pelu foonu mi", "A dupe pupo lowo gbogbo yin"],
    "ig": ["Achọrọ m enyemaka na ekwentị m", "Anyị na-ekele unu niile"],
    "so": ["Waxaan u baahanahay caawimaad taleefankayga", "Dhammaantiin waad ku mahadsan tihiin"],
}

#: African languages with an English word or two, as people write. English may not be seen in them.
AFRICAN_WITH_ENGLISH = [
    "Angazi but ngiyathanda ukudla kwasekhaya",
    "Eish load shedding futhi namhlanje",
    "Sho my brother ngiyabonga kakhulu",
    "Ndiyamthanda umntana wam my heart",
    "Kuyabanda namhlanje stay warm bantu bakithi",
    "Ke a leboga guys",
    "Mara why batho ba le tjena waitse",
    "Haai suka man le network iyasicasula",
    "Ek is so tired van hierdie load shedding",
    "Jy moet maar wait vir die update né",
    "My app werk nie, please help",
]

#: Languages that the model knows, in scripts of every kind.
OTHER = {
    "nl": [
        "De app doet het alweer niet",
        "Bedankt voor jullie snelle hulp",
        "Wat een waardeloze service zeg",
        "Ik wacht al twee weken op mijn pakket",
    ],
    "de": [
        "Die App geht schon wieder nicht",
        "Danke für eure schnelle Hilfe",
        "Was für ein mieser Service",
        "Ich warte seit zwei Wochen auf mein Paket",
    ],
    "fr": [
        "L'appli ne marche encore pas",
        "Merci pour votre aide rapide",
        "Quel service lamentable",
        "J'attends mon colis depuis deux semaines",
    ],
    "es": [
        "La aplicación otra vez no funciona",
        "Gracias por su ayuda tan rápida",
        "Qué servicio tan malo",
        "Llevo dos semanas esperando mi paquete",
    ],
    "it": [
        "L'app non funziona di nuovo",
        "Grazie per il vostro aiuto",
        "Che servizio pessimo",
        "Aspetto il mio pacco da due settimane",
    ],
    "pt": [
        "O aplicativo não está funcionando de novo",
        "Obrigado pela ajuda rápida",
        "Que serviço horrível",
        "Estou esperando meu pacote há duas semanas",
    ],
    "sv": [
        "Appen fungerar inte igen",
        "Tack för er snabba hjälp",
        "Vilken usel service",
        "Jag har väntat på mitt paket i två veckor",
    ],
    "da": [
        "Appen virker ikke igen",
        "Tak for jeres hurtige hjælp",
        "Jeg har ventet på min pakke i to uger",
    ],
    "no": [
        "Appen virker ikke igjen",
        "Takk for rask hjelp",
        "Jeg har ventet på pakken min i to uker",
    ],
    "fi": [
        "Sovellus ei toimi taaskaan",
        "Kiitos nopeasta avusta",
        "Olen odottanut pakettia kaksi viikkoa",
    ],
    "pl": [
        "Aplikacja znowu nie działa",
        "Dziękuję za szybką pomoc",
        "Czekam na paczkę już dwa tygodnie",
    ],
    "cs": ["Aplikace zase nefunguje", "Děkuji za rychlou pomoc", "Čekám na balík už dva týdny"],
    "hu": ["Az alkalmazás megint nem működik", "Köszönöm a gyors segítséget"],
    "ro": ["Aplicația iar nu merge", "Mulțumesc pentru ajutorul rapid"],
    "tr": [
        "Uygulama yine çalışmıyor",
        "Hızlı yardımınız için teşekkürler",
        "İki haftadır paketimi bekliyorum",
    ],
    "id": [
        "Aplikasinya error lagi nih",
        "Terima kasih atas bantuannya",
        "Sudah dua minggu saya menunggu paket saya",
        "Pelayanannya jelek banget",
    ],
    "tl": [
        "Hindi na naman gumagana ang app",
        "Salamat po sa mabilis na tulong",
        "Dalawang linggo na akong naghihintay",
    ],
    "vi": ["Ứng dụng lại không chạy", "Cảm ơn vì đã giúp đỡ nhanh"],
    "hi": [
        "ऐप फिर से काम नहीं कर रहा है",
        "Yeh app phir se kaam nahi kar raha hai",
        "Madad ke liye bahut shukriya bhai",
    ],
    "ar": ["التطبيق لا يعمل مرة أخرى", "شكرا على المساعدة السريعة"],
    "fa": ["برنامه دوباره کار نمی‌کند", "ممنون از کمک سریع شما"],
    "ur": ["ایپ پھر کام نہیں کر رہی", "آپ کی مدد کا بہت شکریہ"],
    "he": ["האפליקציה שוב לא עובדת", "תודה על העזרה המהירה"],
    "ru": ["Приложение опять не работает", "Спасибо за быструю помощь"],
    "uk": ["Застосунок знову не працює", "Дякую за швидку допомогу"],
    "el": ["Η εφαρμογή πάλι δεν δουλεύει", "Ευχαριστώ για τη γρήγορη βοήθεια"],
    "ja": ["アプリがまた動かない", "早い対応ありがとうございます"],
    "ko": ["앱이 또 안 되네요", "빠른 도움 감사합니다"],
    "zh": ["应用又打不开了", "谢谢你们的快速帮助"],
    "th": ["แอปใช้งานไม่ได้อีกแล้ว", "ขอบคุณสำหรับความช่วยเหลือ"],
    "ta": ["செயலி மீண்டும் வேலை செய்யவில்லை"],
    "mr": ["अॅप पुन्हा काम करत नाही आहे"],
    "ne": ["एप फेरि चलेको छैन"],
    "ka": ["აპლიკაცია ისევ არ მუშაობს"],
    "am": ["መተግበሪያው እንደገና አይሰራም"],
}

#: English as it is posted: short, loud, cut, with hashtags, from several countries.
ENGLISH = [
    "app is down again smh",
    "thx for the quick help!!",
    "worst service ever",
    "been waiting 2 weeks for my parcel",
    "LOVE this update 😍😍",
    "can't log in, anyone else?",
    "so happy rn",
    "power's out again #loadshedding",
    "eish, no water since yesterday hey",
    "Good morning Durban!",
    "new phone who dis",
    "lol same",
    "Best burger in town @ Joe's Diner",
    "Sunset on the beach with my girls #nofilter #summer2026",
    "Happy birthday to my beautiful wife!",
    "y'all need to fix this ASAP",
    "#WorstServiceEver #NeverAgain",
    "The queue at Home Affairs is a joke",
    "u guys r the best <3",
    "Not impressed with the new layout tbh",
    "Congrats team, well deserved 👏",
    "why does it keep crashing???",
    "Beyoncé was amazing last night",
    "my café order took an hour",
    "Go Bokke! What a game",
]
