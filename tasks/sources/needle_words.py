"""The words that needles hide and the names of their keys: beasts, plants, stones and things that technical prose seldom names.

None is a part of another, so that finding one in a text is finding that one. Which words a split may use is decided by
their place in the list: a word that a model was trained to find is never asked for at test.
"""

from tasks.task import Split

_LIST = """
    acacia accordion albatross alder almond alpaca amethyst anchovy anorak antelope apricot aquamarine armadillo
    artichoke asparagus aubergine avocado badger bagpipe balaclava banana banjo barley barracuda basalt basil
    bassoon beaver beetroot beryl birch bluebell bobcat bonnet bracelet broccoli bronze buffalo bugle buttercup
    cabbage cactus camellia capybara caramel cardamom cardigan caribou carnation carrot castanet caterpillar
    cauliflower cedar celery cello cheetah cherry chestnut chinchilla chipmunk chrysanthemum cicada cinnamon
    clarinet clementine clover cobalt cobra coconut condor copper coral coriander cormorant cornet courgette coyote
    cranberry cravat cricket crocodile crocus cuckoo cucumber currant cypress daffodil dahlia daisy dandelion
    dolphin donkey dormouse dragonfly dulcimer dungarees eagle earwig egret elephant emerald endive eucalyptus
    feldspar fennel ferret fiddle flamingo flute foxglove galosh garnet gazelle gecko geranium gerbil gibbon ginger
    giraffe gladiolus glockenspiel goldfinch gooseberry gorilla grapefruit grasshopper grouse guitar gypsum hamster
    harmonica harpsichord hawthorn hazelnut heather hedgehog heron hibiscus hippopotamus honeysuckle hornet
    horseradish hyacinth hyena iguana jackal jaguar jasmine jasper jellyfish juniper kangaroo kestrel kimono
    kingfisher koala kumquat ladybird lapis larch lavender lemur lentil leopard lettuce lilac limestone lizard
    lobster lychee macaw magnolia magpie malachite mammoth manatee mandarin mandolin mango marble marigold marimba
    marzipan meerkat mimosa mistletoe mitten mongoose moose mosquito mulberry mushroom mustard nasturtium necklace
    nectarine nightingale nutmeg obsidian ocelot octopus opossum orchid oregano ostrich otter overcoat oyster papaya
    paprika parrot parsley parsnip partridge peacock peanut pearl pelican penguin persimmon petunia pheasant piccolo
    pineapple piranha pistachio platinum platypus pomegranate poppy porcupine porphyry potato primrose puffin pumice
    pumpkin pyjamas quartz quince raccoon raspberry rattlesnake reindeer rhinoceros rhododendron rhubarb rosemary
    saffron salamander sandal sandstone sapphire sardine saxophone scorpion seahorse shallot skunk slipper snowdrop
    sombrero sparrow spinach squirrel starling stingray stocking stork strawberry sunflower swordfish sycamore
    tamarind tambourine tangerine tapir tarantula termite thistle thyme topaz toucan tourmaline treacle trombone
    trousers trumpet tulip turkey turmeric turnip turquoise turtle ukulele umbrella viper vulture waistcoat wallaby
    walnut walrus warthog watercress weasel willow wisteria wolverine wombat woodpecker xylophone zebra zircon
"""

WORDS = tuple(_LIST.split())


def words_of(split: Split) -> tuple[str, ...]:
    """The words of one split: of every five, three to train on, one for dev, one for test."""
    places = {"train": (0, 2, 4), "dev": (1,), "test": (3,)}[split]
    return tuple(word for place, word in enumerate(WORDS) if place % 5 in places)
