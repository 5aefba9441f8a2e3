"""What people in the story say: sentence frames by mood and language, and the words for their
slots. Data only; ``texts.py`` composes posts from it.

Slots: ``{p}`` product, ``{r}`` rival, ``{f}`` feature, ``{t}`` topic, ``{n}`` number to 99,
``{d}`` one from 4 to 20, ``{g}`` good and ``{b}`` bad adjective. Frames of a mood use words that
carry its sentiment, so that any lexicon-based scorer sees a difference between moods.
"""

# fmt: off
PRODUCT = (
    "Nimbus", "Nimbus", "Nimbus", "nimbus", "Nimbus Cloud", "#Nimbus", "NIMBUS",
    "Nimbus (@NimbusCloud)", "nimbus.cloud",
)
RIVAL = ("Stratus", "Cirrus", "stratus", "cirrus", "@StratusHQ", "@CirrusApp")
FEATURE = (
    "the mobile app", "the new dashboard", "the CLI", "single sign-on", "autoscaling", "the API",
    "pricing", "the free tier", "support chat", "billing", "the status page",
    "the backup service", "the web console", "log search", "object storage", "the Android app",
    "the iOS app",
)
TOPIC = ("pricing", "support", "the mobile app", "the migration tool", "uptime",
         "documentation", "onboarding")
GOOD = (
    "great", "amazing", "fantastic", "brilliant", "lovely", "super helpful", "excellent", "smooth",
    "impressive", "so good", "really nice", "awesome", "perfect", "wonderful", "reliable",
)
BAD = (
    "terrible", "awful", "broken", "useless", "horrible", "a mess", "really bad", "unacceptable",
    "painful", "a disaster", "pathetic", "ridiculous", "worse than ever", "disappointing",
)

ENGLISH: dict[str, tuple[str, ...]] = {
    "joy": (
        "{p} just launched {f} and it is {g}!",
        "Wow, {f} in the new {p} release is {g}. Congrats to everyone involved!",
        "Been waiting months for this launch. {p} delivered, I love it",
        "OK {p}, {f} made me smile today. {g}!",
        "Moved {n} services to {p} this morning and everything works. So happy!",
        "The launch stream of {p} was {g}, best demo this year",
        "I'm excited about {p}: {f} saves us {d} hours a week",
        "{p} > {r}. There, I said it. {f} is {g}",
        "Shout-out to {p} for {f}, our whole team loves it",
        "This is the best update {p} ever shipped, thank you!",
        "Trying {p} since 9 am & I'm impressed. {f} is {g}",
        "Finally a cloud that respects my time. Well done {p}!",
        "lowkey obsessed with {f} on {p}, it's {g}",
        "{p} launch day!! {f} looks {g} and the free credits are a sweet gift",
        "Can't believe how easy {f} is now. {p} is winning",
    ),
    "praise": (
        "{f} on {p} is {g}, no complaints here",
        "Support at {p} solved my problem in {n} minutes. Excellent service",
        "Happy {p} customer for {n} months now, {t} keeps getting better",
        "Love how simple {f} is with {p}",
        "Credit where it's due: {t} at {p} is {g}",
        "If you need {f}, try {p}. It's {g} and the price is fair",
        "{p} saved our weekend, {f} just worked. Thanks!",
        "Small win: migrated from {r} to {p} and {f} is {g}",
        "I recommend {p} to friends, mostly for {t}",
        "Nice touch by {p}: {f} remembers where I left off. Good design",
        "{f} is {g}. {p} 10/10",
        "{f} & {t}: both {g}. Keep going {p}",
        "ngl {p} slaps, {f} is {g}",
    ),
    "complaint": (
        "{f} on {p} is {b} again",
        "{t} at {p} is {b}. Why? I'm frustrated",
        "Waited {n} days for support from {p}, still no answer. Poor service",
        "{p} raised prices by {n} % and {f} is still {b}. Not happy",
        "The {p} mobile app crashes every time. It's {b}",
        "I want to like {p} but {f} is {b}",
        "Thinking about leaving {p} for {r}: {t} is {b}",
        "{f} lost my settings, {n} hours wasted. Thanks for nothing, {p}",
        "Billing error no. {n} this month at {p}. This is {b}",
        "Is it just me or did {f} get worse? {p} used to be good",
        "{p} support closed my ticket without fixing the problem. {b}!",
        "Hidden fees at {p} are a bad joke",
        "{f} & {t} at {p}: both {b}",
        "sorry but {f} on {p} is {b}, hate it",
    ),
    "anger": (
        "{p} is DOWN. {n} minutes, no answer from support. Unacceptable!",
        "Our shop is offline because of {p}. We're losing money every minute, this is {b}",
        "{p} outage again?! {f} is dead and the status page lies",
        "I'm so angry right now. {p} broke production and nobody at support responds",
        "Worst outage ever. {p}, {f} is {b} and you say nothing",
        "Error 503 for {n} minutes. {p} you are killing my day",
        "Lost {n} orders thanks to {p}. Furious is not a strong enough word",
        "{f} failed, backups failed, support failed. {p} is {b}",
        "Cancelling {p} tomorrow. {r} never failed us like this",
        "Paying {n} dollars a month for {p} and it crashes like this. Shame on you",
        "Is {p} down for everyone? {f} keeps failing, this is {b}",
        "Stuck at the airport, can't check in because {p} is down. Horrible",
        "wtf {p}?? {f} is {b}, my boss is mad and so am I",
        "Three hours. THREE. HOURS. {p} is {b}!!!",
        "{p} support hung up on me. During an outage. Disgusting",
        "Nobody trusts {p} after this failure. {t} is {b}",
    ),
    "sarcasm": (
        "Oh great, {p} is down again. Just what I needed today",
        "Love how {p} turns my deploy into a free coffee break. {d} coffees so far",
        "Wow {p}, {n} minutes of downtime, what a perfect way to thank customers",
        "Sure {p}, 'minor degradation'. And the Titanic had a minor leak",
        "Best feature of {p} today: the error page. Truly brilliant",
        "Thank you {p} for teaching me patience. Again.",
        "Five nines of uptime! {p} just never said in which century",
    ),
    "relief": (
        "{p} is back up. Relieved! Thanks to the engineers who fixed it all night",
        "Finally, {f} works again. Good job {p}, hope you get some rest",
        "Honest post-mortem by {p}. I appreciate the clear words, trust restored",
        "All {n} services recovered, no data lost. Thank you {p} support!",
        "Got a credit & a kind apology from {p}. That's how you do {t}",
        "Respect to {p} for owning the failure. Strong recovery",
        "Everything is green again on {p}, happy Friday!",
        "Yesterday was bad, today {p} is {g}. Glad we stayed",
        "Support of {p} called me back personally. Great service, thank you",
        "Phew. {f} is fine again, {p} recovered nicely",
    ),
    "neutral": (
        "Does {p} support {f} in the EU region?",
        "How do you compare {p} with {r} for {t}?",
        "{p} published the release notes for {f}",
        "New blog post: {n} things about {f} on {p} https://t.co/{link}",
        "We run {n} nodes on {p} and {n} on {r}",
        "Anyone at the {p} meetup on the {d}th?",
        "Reading the {p} docs about {t} this evening",
        "Where can I find {f} in {p}?",
        "{p} vs {r}: a table of {t} https://t.co/{link}",
        "Moving {n} GB from {r} to {p} tonight",
        "Q&A with {p} about {t} & {f} tonight",
        "R&D at {p} is hiring, {n} seats",
        "Our {p} bill for the month has {n} lines",
        "Job: cloud engineer ({p}, Terraform), remote or hybrid https://t.co/{link}",
        "{p} changed {f} in version 4.{n}",
        "Is {f} part of the {p} team plan?",
    ),
    "rival": (
        "{r} is {g} at {t}, credit to them",
        "{f} on {r} is {b}, tried it for {n} days",
        "{r} announced {f} for next quarter",
        "Happy with {r}, {f} is {g}",
        "{r} support is {b}. {n} tickets, no reply",
        "Testing {r} this week, {t} first",
    ),
    "chatter": (
        "Good morning everyone, have a lovely {d} minute walk today",
        "Rain again in Cape Town, the mountain is all clouds",
        "My cat just deployed to production. She's fired",
        "Who else is watching the match tonight?",
        "Coffee no. {d}. Send help",
        "So tired of meetings that could be an email",
    ),
}

REPLIES: dict[str, tuple[str, ...]] = {
    "agree": ("Same here, {g} stuff", "This! So true", "Totally agree, it's {g}", "yesss love it",
              "Congrats, well deserved!", "Can confirm, {f} is {g}", "Happy for you!"),
    "upset": ("Same problem here, it's {b}", "Yeah, {f} is {b} for us too", "This is {b}, sorry",
              "I'm leaving for {r} after this mess", "still broken for me", "Unacceptable tbh",
              "Support ignored me too, awful"),
    "ask": ("Which region are you in?", "Do you have a ticket number?", "What plan is that?",
            "Source?", "Did you try {f}?", "Since when?", "Is that on {p} or {r}?"),
    "support": ("Sorry for the trouble. Please send us a DM with your ticket number.",
                "We hear you and we're working on it. Updates on our status page.",
                "Thanks for the kind words, we shared them with the team!",
                "Could you tell us which region you use? Happy to help."),
}

OPENERS = ("", "", "", "", "", "", "Honestly, ", "So ", "ngl ", "OK ", "Update: ", "PSA: ", "tbh ",
           "Hey, ", "Well, ", "Hot take: ", "Day {n}: ")
CLOSERS: dict[str, tuple[str, ...]] = {
    "good": ("", "", "", " 🎉", " 🚀", " ❤️", " 😍", " 👏👏", " #NimbusLaunch", " :)", " 💯", " <3",
             " 🔥 #cloud", " ☁️", " 🙌🏽"),
    "bad": ("", "", "", " 😡", " 🤬", " 😤", " #NimbusDown", " smh", " :(", " 💀", " 🤦🏽‍♀️", " ffs",
            " #fail", " 👎", " @NimbusSupport"),
    "plain": ("", "", "", "", "", " #cloud", " #devops", " 🤔", " 👀", " cc @NimbusCloud"),
}
TONE = {"joy": "good", "praise": "good", "relief": "good", "agree": "good", "complaint": "bad",
        "anger": "bad", "upset": "bad", "sarcasm": "bad"}

SPAM = (
    "🔥🔥 FREE {n}00 $ cloud credits!!! Claim now 👉 https://t.co/{link} #nimbus #giveaway",
    "Earn ${n}00 a day from home, no skills needed! DM me NOW 💰 #Nimbus #Stratus https://t.co/{link}",
    "Nimbus HACKED?? See the leaked list before it is deleted https://t.co/{link}",
    "I doubled my crypto in {n} days thanks to @fx_master_{n}, write on +1 202 555 01{n} #nimbus",
    "CHEAP followers 100% real ✅ {n}k for 5 $ ✅ https://t.co/{link} #nimbus #cirrus",
)

FOREIGN: dict[str, dict[str, tuple[str, ...]]] = {
    "es": {
        "good": ("Me encanta la nueva versión de {p}, ¡funciona genial!",
                 "Gracias {p}, el soporte respondió en {n} minutos. Excelente",
                 "La aplicación móvil de {p} es rápida y muy bonita"),
        "bad": ("{p} no funciona desde hace {n} minutos, qué vergüenza",
                "Estoy harto de los errores de {p}, el soporte no contesta",
                "Muy decepcionado con los precios de {p}"),
        "plain": ("¿Alguien sabe si {p} tiene región en México?",
                  "Hoy probamos {p} y {r} en la oficina"),
    },
    "pt": {
        "good": ("O novo aplicativo da {p} ficou maravilhoso, parabéns!",
                 "Adorei o lançamento da {p}, muito rápido"),
        "bad": ("A {p} caiu de novo e o suporte não responde, péssimo",
                "Que raiva da {p}, perdi {n} pedidos hoje"),
        "plain": ("Alguém já comparou os preços da {p} e da {r}?",
                  "Amanhã tem palestra sobre a {p} em Lisboa"),
    },
    "de": {
        "good": ("Die neue Version von {p} ist großartig, vielen Dank!",
                 "Der Support von {p} hat mir in {n} Minuten geholfen, super nett",
                 "Die App von {p} läuft endlich schnell und schön"),
        "bad": ("{p} ist schon wieder kaputt, die Server antworten seit {n} Minuten nicht",
                "So ein Mist, {p} hat meine Daten verloren",
                "Die Preise von {p} sind eine Frechheit"),
        "plain": ("Die Firma wechselt im Frühjahr von {r} zu {p}",
                  "Weiß jemand, wie man bei {p} die Rechnung herunterlädt?"),
    },
    "fr": {
        "good": ("Bravo {p}, la nouvelle version est vraiment superbe !",
                 "J'adore l'application de {p}, tout est plus simple"),
        "bad": ("{p} est encore en panne, c'est insupportable",
                "Le support de {p} ne répond pas depuis {n} heures, quelle honte"),
        "plain": ("Quelqu'un utilise {p} ou {r} pour ses sauvegardes ?",
                  "La conférence de {p} commence à {n} h"),
    },
    "af": {
        "good": ("Die nuwe {p} is wonderlik, baie dankie!",
                 "Ek is mal oor die toep van {p}, dit werk so lekker"),
        "bad": ("{p} is al weer af, die diens is vrot",
                "Ek wag al {n} ure vir hulp van {p}, dis nie goed genoeg nie"),
        "plain": ("Het iemand die pryse van {p} en {r} vergelyk?",
                  "Die mense by die werk gebruik nou {p}"),
    },
    "zu": {
        "good": ("Ngiyayithanda i-{p} entsha, isebenza kahle kakhulu!",
                 "Siyabonga {p}, nisisizile kakhulu namhlanje"),
        "bad": ("I-{p} ayisebenzi namhlanje, sengikhathele",
                "Sekuphele amahora angu-{n} ngilinde usizo lwe-{p}"),
        "plain": ("Ubani osebenzisa i-{p} noma i-{r} lapha eThekwini?",),
    },
    "ja": {
        "good": ("{p}の新しいアプリ、とても使いやすくて最高です",
                 "{p}のサポートが親切で助かりました。ありがとう"),
        "bad": ("{p}がまた落ちてる。仕事にならない、ひどい",
                "{p}のサポートに{n}時間待たされている"),
        "plain": ("{p}と{r}の料金を比較しています",),
    },
    "ar": {
        "good": ("أحببت التحديث الجديد من {p}، عمل رائع!",
                 "شكراً {p} على الدعم السريع"),
        "bad": ("خدمة {p} متوقفة منذ {n} دقيقة، أمر سيئ جداً",
                "لا أحد يرد من دعم {p}، تجربة محبطة"),
        "plain": ("هل جرب أحد {p} أو {r} للنسخ الاحتياطي؟",),
    },
    "nl": {
        "good": ("De nieuwe app van {p} is echt geweldig, bedankt!",),
        "bad": ("{p} ligt er alweer uit, wat een ellende",),
        "plain": ("Wie gebruikt {p} of {r} op het werk?",),
    },
    "hi": {
        "good": ("{p} का नया ऐप बहुत अच्छा है, धन्यवाद!",),
        "bad": ("{p} फिर से बंद है, बहुत खराब सेवा",),
        "plain": ("क्या किसी ने {p} और {r} की कीमत देखी है?",),
    },
}
# Shares of the posts that are not English, most frequent first.
FOREIGN_WEIGHTS = (("es", 24), ("pt", 14), ("de", 12), ("fr", 11), ("af", 9), ("zu", 8), ("ja", 9),
                   ("ar", 7), ("nl", 4), ("hi", 2))
