"""Which words are also something else than a name: what no list says, decided here.

What belongs here: short lists by hand with the reason for each. Lists that packages give are read
in ``build``.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Months, days, feasts: capitalised in any sentence.
CALENDAR = _words(
    """
    january february march april may june july august september october november december sunday
    monday tuesday wednesday thursday friday saturday christmas easter
    """
)

# Words that name nobody alone, though lists of given names and surnames have them and a dictionary
# of English lacks them, or gives them as proper nouns only. Peoples, faiths, places, characters.
NOBODY = _words(
    """
    african aladdin allah america american angeles arab arabia asia asian australia avalon bible
    bollywood boston brazil britain british broadway buddha canada cancer celtic charger china
    chinese christ christian congo cuba cuban delhi derby deutsch disney dublin dutch egypt
    england english europe eve facebook florida france french friday german germany gemini google
    greece greek halloween havana hebrew hindu hogwarts holland hollywood india indian instagram
    internet ireland irish islam israeli italia italian italy jamaica japan japanese java jedi jew
    jesus juventus kashmir kenya korea korean kurd latin latina latino libra linux london madrid
    malaysia marvel mars mecca mercury mexico mohawk monday montana moscow muslim nazi netflix
    nevada norse nova olympia oxford pakistan palestine pisces playboy polish pope ramadan roma
    roman rome russia russian santa satan saturday saturn scot scotland scots senegal sikh somali
    spain spanish spartan swede sweden swiss syria tennessee texas thai thanksgiving thor thursday
    torah trinidad tuesday turk turkey turkish twitter unicorn utah valentine venus vegas vietnam
    viking virgo wales wednesday welsh wembley york yorkshire youtube zealand zion zeus zimbabwe
    africa afro astros barca christi coronado dani edie essex filipino fran geneva hella indy
    knott laguna lers lolla loma milford orleans palo pacifica pauls quinta redondo rico sana
    staten tara toro torrey venice verdes bernardino cruces clemente fung hbo dat sur jan stanford
    harvard yale princeton cornell cambridge baylor purdue rica czech republican democrat congress
    senate reuters bbc fifa nfl uefa espn
    """
)

# Slang, terms of address and sounds that lists of names have, too.
SOUNDS = _words(
    """
    amen baba bae bali bam bebe bieber bing blue boo bro bruh buddy capitol cha chu dada dang deca
    dem dems diva don dope duh duke emoji era eve fab fam feat fin gaga gop guru haha hell hola
    homie hun ima indo ish jin kinda king kush lady lad lads lil lol lola mac maga mal mama mami
    manga mba mimi mom momma nan nana nani nba nova obi papa papi pho pop prima prince princess
    queen rad ram ref rip sao saw sen señor shah sha shay sky sir sis soo soul sun sur tay tee tha
    thai tho thy tia tiger tito top trey tri tron uno van vin von vu wang yah yang yea yen yes yin
    yolo yoo yoga zen
    """
)

# Everyday words of other languages that lists of names have, written without accents: in such a
# text they stand in lower case, and German begins every noun with a capital.
OTHER_LANGUAGES = _words(
    """
    dass leider einer eben gute guter liebe lieber weniger keiner werd scharf langer hasse grau
    wunsche hatten frisch gruner mude holt ehrlich knapp breit klare heim naja kenn schatz beste
    ernst nette lasse schick gluck herren frauen freund freunde sommer winter schutz wasser gott
    kampf engel freitag montag dienstag mittwoch donnerstag samstag sonntag bett dauer fisch tage
    denk du nagel pferd kraft konig stark klein gross lang kurz jung alt neu bald hand kopf herz
    welt zeit land berg stein baum vogel hund katze blume sonne stern nacht licht feuer haus
    sohn bruder schwester mutter vater kind mensch mann
    mise stocker sante pire carbone moche hein victoire brun jolie frein maire lundi mardi
    mercredi jeudi vendredi samedi dimanche perdue fini truc seme vive bonne petit petite grand
    grande beau belle merci amour roi reine fleur neige soleil lune mer ciel vie mort roux
    della alla delle dalla nella nelle nell anni hanno palle senatore giovani fara basta mani
    novita lega trovato manco buongiorno andra giusta mercati grandi merita amici manca natale
    salva devi capelli vada guida mette belli lupo vecchi nomi vittoria nonna vien sordi seconda
    vere canale amano libere esteri salvi poca sacco terra dagli tasche cade manda caga boccia
    sabato pagano fiori felici piccoli spina aprile milano napoli
    esse essa quero sair azul comer fica gosto gosta dessa dela manda cena nessa saia fico sabia
    louca assunto lata dias mata levar amar quarta branco branca tira deste vivi matar minhas faria
    nota amores bela tera chao perna pede casado pombo cortes vira lascar lavar serao amando pera
    leite tomei pai mae filho filha irmao querido querida feliz saudade amor bom boa dia noite
    gusta mala malo verano justo bonita verla felicidad dejan ojala ando guay rojo alegria nino
    nina luz debi campana casas maximo curro alli bano alegre corto paja parada verme segura
    fuertes estes loca loco griego liga pareja huerta tomo beso batalla matas miel partida veas
    cuadrado ruta tenis salvar stas ronda mosca carro camara bienvenida barras silla piedad segun
    dano cabello carita jode mato pintar oscuro rubio espana corazon cielo vida muerte reina rey
    sol luna mar flor nieve fuego agua noche tarde gracias
    kiya diya karo karna jaan teri gaye tere tera liya jaye bana tarah sarkar yahi sare kasam aage
    jati dena naya saal saare bahar mubarak kare wali baki karta jeet bina maza paas sakti bolta
    lena kaisa saari piche leta lage dala ganda bacha chun pani neta sona raja babu lega maja buri
    dono sher poore daal hawa daru jara chand jaya bano paye nagar karu leke kahu kadi hume mera
    meri bhai hain nahi kya acha accha apna apni sab dil pyar
    baie lekker goed groot klein nuwe mooi liewe skat boer oupa ouma seun dogter
    """
)

# Places that people are named after as often.
PLACES = _words(
    """
    chelsea jordan virginia carolina savannah israel milan paris troy dakota sierra denver aurora
    eden atlas orion sydney florence austin madison charlotte victoria
    """
)

# Firms and products that bear a name. Beside a given name they are surnames as ever.
BRANDS = _words(
    """
    abbott acer adidas alexa allianz amazon android armani aston audi avon baileys barclays barnes
    bayer bentley benz bic boeing bosch brooks budweiser bugatti burberry cadbury calvin canon
    cartier casio cessna chanel chase chevrolet chevy chrysler cisco citroen claires cortana dell
    deloitte dior dolce dodge dyson emmy emmys ferrari fiat ford forbes fox fujitsu fuji galaxy
    garmin gibson gillette givenchy gmail goldman grammy gucci guinness harley harrods hasbro
    heinz hermes hershey hilton hitachi holden honda hoover hp hyundai ibm ikea intel isuzu jaguar
    jeep johnnie kawasaki kellogg kellogs kia kindle kodak kohl kraft lamborghini land lego lehman
    lenovo lexus lidl linkedin lipton lotus louis lyft macy macys marriott mars maserati
    mastercard mattel maybelline mazda mcdonald mcdonalds mercedes merck michelin microsoft mini
    mitsubishi monsanto moody moodys morgan motorola nescafe nestle netflix nike nikon nintendo
    nissan nokia nordstrom nutella olympus oracle oreo oscar oscars panasonic pandora pepsi pfizer
    philips pixar playstation porsche prada primark purina ralph reebok renault revlon ricoh rolex
    royce ryanair samsung sanofi sega sephora shell siemens siri skoda skype sony spotify sprint
    starbucks subaru subway suzuki swarovski tesco tesla tiffany tiffanys toshiba toyota trader
    tylenol uber unilever vans versace victoria visa vodafone volkswagen volvo walmart walgreens
    walt wendys wendy wells xerox yamaha yahoo zara zoom
    """
)

# Everyday words among the commonest given names of the census: alone they stay.
WORDS_FIRST = _words(
    """
    amber angel art autumn bill bob brandy brook candy carol cash chance chase chip christian
    chuck claire cliff colt coral crystal daisy dale dawn dean drew dusty earl eve faith fern
    frank gay gene ginger glen grace grant guy happy harmony heath heather holly homer honey hope
    hunter iris ivory ivy jade jasmine jay jean jewel jimmy joy june lance laurel lee lily liberty
    love lucky mark mason max may melody mercy merry miles mike misty norm olive opal pat patience
    pearl penny pepper precious princess prudence ray rich rob robin rod rose ruby rusty sandy
    sage skip sky sonny star stone storm sue summer sunny sunshine tiger trinity tucker victor
    violet wade ward will willow winter wren van buck bud bush carter cooper curt dick don duke
    ernest forest gale gail harry herb hazel jack jerry jesse jet jo johnny joey kitty lamb lane
    leo lex lionel lite mat matt mickey moody nick noble page parker patsy pete peg ralph randy
    red reed regal rex rocky ron royal sally scout sid sierra spencer stew sterling tad terry tiny
    tom tommy tony tracy trip trey troy ty vi viola wally wiley woody
    """
) - frozenset(
    # A dictionary has a word, too; in a post the person is meant.
    [
        "harry",
        "jack",
        "jerry",
        "jesse",
        "jimmy",
        "joey",
        "johnny",
        "leo",
        "lionel",
        "matt",
        "mike",
        "nick",
        "pete",
        "ralph",
        "randy",
        "rob",
        "ron",
        "sally",
        "spencer",
        "terry",
        "tom",
        "tommy",
        "tony",
        "tracy",
        "troy",
        "bob",
        "claire",
        "heather",
        "jasmine",
        "gail",
        "lee",
        "robin",
        "carol",
        "hazel",
        "jean",
        "victor",
    ]
)
