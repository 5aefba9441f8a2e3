"""Function words by language: what tells the language of a short post without a model.

Belongs here: the words, and why a word is in a list or not. How they are counted and what follows
from the counts stands in ``language``.

Written from knowledge of the languages, then checked against posts of each (how:
docs/decisions/0019-language-gate.md). A list holds frequent words only: pronouns, particles,
auxiliaries, and the words of small talk. Words may stand in several lists; they then speak for
each, and the words that only one language has decide. Two kinds are missing on purpose:

- of English, words that other languages borrow or spell alike ("in", "die", "an", "so", "happy");
- of the others, English words, names and abbreviations ("war", "man", "was", "los", "la", "do").

All are in lower case. They begin and end with a letter of a to z, since the ends of a word are
found by ASCII rules, which are several times faster; and words of two letters that end French,
Spanish or Portuguese words after an accent ("es" in "idées"), or English ones after an apostrophe
("ve"), are missing for the same reason.
"""

from __future__ import annotations

#: Words that English alone has.
ENGLISH = (
    "about actually after again ain't alone already always and another anybody anymore anyone "
    "anything are aren't around at away because been before being believe better between both "
    "but by can't could couldn't didn't does doesn't doing don't enough even ever every "
    "everybody everyone everything feel feeling few finally first for found friends from getting "
    "give going gonna gotta got great had hasn't have haven't he's hello here here's his how i'd "
    "i'll i'm i've if into isn't it's just keep know knows let's life like little look looking "
    "looks love make makes many maybe more most much must my myself need never night nobody "
    "nothing now of only other our ours people please really right said say says see she she's "
    "should shouldn't since some somebody someone something still such thank thanks than that "
    "that's the their them then there there's these they they're thing things think this those "
    "though thought through time today together tomorrow tonight too true trying until very "
    "wanna want wants wasn't watching way we'll we're we've were weren't what what's when where "
    "which while who who's whole why with without won't work would wouldn't yeah year years "
    "yesterday you you'll you're you've your yours yourself"
)

#: English words that other languages borrow. They make English believable and settle nothing.
BORROWED_ENGLISH = (
    "add adventure album all amazing american anniversary artist ass awesome awful babe babes "
    "baby back bacon bad bae beach beautiful beautifully beauty beer best bestie besties big "
    "birthday bitch bitches black bless blessed blue body boring bought bout bowl boy boys "
    "breakfast bride bridge bring bro brother brothers brown bruh brunch buddy burgers buy bye "
    "cake called captured care caught champion champions check cheer cheers cheese chicken chill "
    "chilly chocolate christmas city clouds cloudy coast coffee cold congrats congratulations "
    "cookies cool cousin cousins cover craving cravings crazy cream crew crowd cunt cute dad "
    "daddy damn dark daughter day days dear delicious died dinner dog done dope down downtown "
    "drawing dream dreams dress dressed drink drinking drive drunk dude each early earth east "
    "easy eat eating else end engaged enjoy enjoying evening everywhere excited eyes face fact "
    "facts fall fam family fans fashion father fav fave favorite favourite feet fight fine foggy "
    "follow food forever forget forward free freezing fresh friday friend fries fuck fucking "
    "full fun funny game garden gardens get girl girls goals god gold golden gone good goodbye "
    "goodnight gorgeous graduated graduation grateful green groom guess guy guys gym hair "
    "haircut half halloween hands handsome happiness happy hard hat hate hated hates head hear "
    "heart heaven hell help hey high hill hills him history hit hold holiday holidays home "
    "homemade homie hope hot hour hours house hubby hungover hungry hurt immigration jeans job "
    "join joy kid kids kill killed ladies lady lake lashes last late learn leave left lets lift "
    "light lightning lights lil listen lit lmao lmfao lobster location lol long lost lots loved "
    "lovely lover lovers loves lovin lucky lunch luv mad magic makeup married men merry mind "
    "miss missed missing mom moment mommy monday money month months mood moon morning mother "
    "move mum music nails national new news next nice nights north not number ocean off old omg "
    "once one open out outfit oysters painted painting part party pay photo photos pic picture "
    "pictures pink place play played playing practice president pretty proud queen rain rainbow "
    "raining ready real reason red relaxing rest ride river road roadtrip rock rose roses run "
    "running sad safe same saturday sausage school seafood season seen selfie sexy shirt shit "
    "shoes shop shopping show shrimp sick silly sister sisters skin sky sleep smile snack snacks "
    "snapped snow snowing song songs soon sorry soul soup south space spicy spot spring squad "
    "square squat stage states stay steak stop storm story street strong stuff stunning stupid "
    "style sucks summer sun sunday sunny sunrise sunset sure swear sweet tacos take talk tasty "
    "tattoo tattoos team tell thankful thanksgiving tho throwback thunder thursday thx till "
    "times tired town travel tree trip truth tuesday turn ugh ugly use vacation vacay valley "
    "vibe vibes view views visit wait waiting wake walk wall watch water weather wedding "
    "wednesday week weekend welcome well west white whore wife win winds windy wine winner "
    "winning winter wish woman women won word words workout world worst worth wow writing wrong "
    "y'all yall yay yep yes young yum yummy"
)

#: By ISO 639-1 code: languages that the model knows too.
OTHERS = {
    "af": "wonderlik regtig natuurlik eintlik vanaand vanoggend krag werk meer mooi jammer "
    "almal seker nie ek jy hy sy ons julle hulle wat wees baie vir ook maar dit het sal "
    "jou vandag gister hoekom daar nou weer goeie dankie asseblief lekker mense kinders "
    "kyk moenie altyd hierdie daardie oor nog kan moet wil gaan aan wie geen gehelp",
    "da": "jeg ikke det og der til som har vi du med den er jer mig dig hvad hvor hvorfor bare "
    "godt tak idag hvordan noget",
    "de": "ich nicht und der das ist ein eine einen einem einer mit auch auf von dem den zu "
    "mir mich dich dir sich wir ihr uns aber noch nur schon jetzt heute morgen immer "
    "kein keine keinen haben hab habe hast wird sind bei wenn dass weil nach vom zum zur "
    "als sehr danke bitte wieder doch dann mein meine meinen dein deine wie ganz echt "
    "leider oder warum kann kannst muss mehr gerade vielleicht nichts etwas geht macht "
    "kommt liebe gute guten beim nix ja mal für",
    "es": "el una por para con pero como muy del hay yo cuando porque todo todos gracias hoy "
    "tengo tiene eres soy nada siempre mejor bueno buenos ahora hasta donde quiero esto "
    "eso esta este estoy mañana ese esa hace mucho muchas ya que en un más también nos "
    "alguien algo aunque puedo jajaja jaja mi sus ser va voy mis lo al sin",
    "fr": "les des est une dans pour pas sur avec qui que ce c'est j'ai nous vous ils elle "
    "mais sont tout tous cette aussi aux du au fait comme quand merci bonjour je suis "
    "alors parce encore toujours rien moi toi leur ses par ne il et un n'est d'un d'une "
    "qu'il qu'on s'est j'aime faire bien très même",
    "hi": "hai hain nahi nahin nhi kya kyu kyun mein bhi aur ye yeh wo woh ko ki ka ke toh tum "
    "aap hum mera meri mere tera teri apna apne apni koi kuch sab bahut bhut abhi jab "
    "tab phir fir raha rahi rahe rha rhe gaya gayi gya diya kiya karo karna karne kar kr "
    "wala wale wali bhai yaar ji pe liye hota hoti baat kaise kaun kab kahan ek tha thi "
    "hoga mujhe unko usko isko iske uske dil aaj kal yaha waha agar lekin magar acha "
    "accha hu hun tak bhaiya",
    "id": "yang dan ini itu tidak dengan untuk dari saya aku kamu bisa juga sudah akan lagi "
    "aja banget kalo kalau udah gak nggak kita mau jangan karena semua sama buat dong "
    "sih tapi ada",
    "it": "il che non di della del sono per una con anche questo questa perche gli nel nella "
    "alla dal delle dei degli ho tutto tutti grazie oggi sempre fare bene molto essere "
    "io ci quando ancora cosa ora poi ma mi si lo sul sulla nei se ai dalla quello "
    "quella fatto chi siamo hanno buongiorno ragazzi",
    "nl": "ik je jij niet een het voor zijn maar ook dat dit wel nog naar heb hebben wat deze "
    "geen mijn uit bij als aan heel veel zo dan toch moet weer vandaag gewoon gaan "
    "jullie iemand waarom wij hij zij er te op om wie kan",
    "no": "jeg ikke det og til som har vi du med den er jer meg deg hva hvor hvorfor hvordan "
    "bare bra takk noe",
    "pl": "nie jest jak ale tak tylko mnie za mam bardzo",
    "pt": "tem não nao uma para voce vc eu meu minha muito mais isso esse essa ele ela vai foi "
    "por que pra pro bom quando hoje gente tudo aqui agora estou dos das os nos ao seu "
    "sua mas porque fazer ainda obrigado obrigada quem ter da na um nem mesmo pelo acho "
    "também ser são kkkk mim sou assim sim",
    "sv": "jag inte det och att som har vi du med den ett för mig dig vad hur bara tack idag",
    "sw": "kwa katika hii hiyo sana asante lakini yangu yako huyu watu mimi wewe sisi hapa "
    "nini kwamba hakuna habari yetu zetu wetu kila siku ndio",
    "tl": "ang mga ako ko hindi yung lang naman kasi po din rin sila kami tayo natin "
    "namin walang wala talaga ikaw nga kung dito",
    "tr": "bir bu için ama gibi ben sen değil var yok daha ne olan kadar bana seni",
}  # fmt: skip

#: Languages of southern Africa, and others of the continent, that the model doesn't know (of
#: Yoruba too little). A text of theirs is named where the words agree and the language has a code
#: of two letters, else left open. Northern Sotho ("nso") has none in ISO 639-1.
AFRICAN = {
    "zu": "futhi kodwa kakhulu ngiyabonga siyabonga namuhla namhlanje manje yini umuntu abantu "
    "ukuthi noma uma mina wena thina sawubona yebo kanjani ngoba lapho konke nje angazi "
    "ngicela ngiyakuthanda kahle kusasa izolo ngempela kuhle ngithanda abantwana ugesi "
    "phela",
    "xh": "kakhulu konke nto akukho enkosi molo molweni ukuba okanye ngoku namhlanje kodwa "
    "umntu abantu xa ewe hayi kuba mna wena thina kwaye ndiyabulela njani andazi ndicela "
    "kakuhle ngomso izolo ndiyathanda nceda abantwana umbane wam kwakhona",
    "st": "hore haholo rona lona bona nna jwale kajeno kapa empa batho motho teng hobane "
    "dumela dumelang ke tsa tse hape hosane maobane bana leboha ntate ka",
    "tn": "gore thata rona lona bona nna jaanong gompieno kgotsa batho motho teng gonne dumela "
    "dumelang ke tsa tse gape kamoso maabane bana leboga rra botlhe ka",
    "ss": "kakhulu ngiyabonga siyabonga kutsi bantfu umuntfu lapha namuhla sikhatsi futsi "
    "kantsi wena mine tsine emanti",
    "nso": "gore kudu lehono bjale goba batho motho ke tsa rena lena bona nna bjang gape "
    "maabane leboga teng ka",
    "ts": "swinene leswaku namuntlha kambe nakambe vanhu munhu ndza khensa khensani inkomu "
    "avuxeni hina wena mina",
    "ve": "vha vhathu muthu ndi nga uri zwino namusi mulovha livhuha ndo aa zwa tshi",
    "sn": "kuti asi zvakanaka vanhu ini iwe isu makadii nhasi mangwana ndatenda maita chaizvo "
    "zvino nekuti uye munhu vana",
    "ha": "wannan amma saboda kuma mutane sosai nagode sannu yanzu gobe jiya kuna suna muna "
    "haka",
    "yo": "awon gbogbo pupo loni bawo nigbati ninu",
    "ig": "ndi nke anyi maka kedu imela ugbu nwere",
}  # fmt: skip

#: Beginnings of words that only the Nguni languages (Zulu, Xhosa, Swati, Ndebele) have: of words of
#: four more letters at least, the last of them a vowel. They write pronoun, tense and verb as one
#: word, so that few words return from text to text.
NGUNI_BEGINNINGS = (
    "nga nge ngi ngo ngu nda nde ndi ndo ndu uku oku umn umu aban abaf abat izi ezi awu ayi "
    "siya sizo kwen kwez hl dl nhl ntl ntsh"
)
