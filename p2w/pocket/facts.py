"""Facts about things and creatures, by hand: one table per relation, one line per object, `object: subject, ...`."""

# Nouns that take no article.
MASS = """
corn mustard blood grass lettuce broccoli snow milk salt flour rice coal tar chocolate coffee mud cinnamon ash
lavender spinach iron gold silver copper beef wool honey beeswax wine bread bacon ham chips ketchup popcorn cider
cheese yogurt butter cream rain hail smoke lava wood Mars Venus Saturn Jupiter scissors skates seeds
"""

COLOR = """
yellow: banana, lemon, corn, canary, sunflower, mustard
red: tomato, strawberry, cherry, blood, ruby, raspberry
green: grass, frog, lime, pea, cucumber, lettuce, broccoli
white: snow, milk, salt, flour, swan, rice
black: coal, crow, tar, raven, panther
orange: carrot, pumpkin
brown: chocolate, coffee, mud, walnut, cinnamon
blue: sky, sea, sapphire
pink: flamingo, pig
gray: elephant, ash, dolphin, rhino
purple: plum, eggplant, lavender
"""

KIND = """
a fruit: banana, pear, peach, mango, plum, cherry, apple, melon
a vegetable: carrot, potato, onion, cabbage, spinach
a bird: crow, eagle, owl, penguin, duck, sparrow, parrot, swan
a fish: salmon, shark, trout, tuna
an insect: ant, bee, butterfly, beetle, mosquito, moth
a mammal: dog, cow, horse, whale, bat, lion, monkey
a reptile: snake, lizard, turtle, crocodile
a tool: hammer, saw, drill, wrench
an instrument: piano, guitar, drum, violin, flute, trumpet
a vehicle: car, bus, truck, bicycle
a flower: rose, tulip, daisy, lily
a tree: oak, pine, maple, birch
a metal: iron, gold, silver, copper
a planet: Mars, Venus, Saturn, Jupiter
"""

SOUND = """
bark: dog
meow: cat
moo: cow
oink: pig
quack: duck
bleat: sheep, goat
roar: lion, tiger
hiss: snake
buzz: bee, fly, mosquito
howl: wolf
croak: frog, toad
hoot: owl
neigh: horse
squeak: mouse, rat
chirp: sparrow, cricket
tick: clock
ring: bell
cluck: hen
bray: donkey
"""

COVER = """
feathers: owl, eagle, duck, parrot, penguin, swan
scales: salmon, trout, snake, lizard, tuna
fur: bear, cat, fox, rabbit, wolf, tiger
wool: sheep, lamb
a shell: turtle, snail, crab, oyster
spines: hedgehog, porcupine
"""

LEGS = """
eight: spider, scorpion
six: ant, bee, beetle, fly, moth, mosquito
four: dog, cat, horse, cow, lion, elephant, sheep, mouse
two: duck, hen, eagle, man, owl, boy
zero: snake, worm, salmon, whale, shark
ten: crab, lobster, shrimp
"""

MATERIAL = """
glass: window, bottle, mirror, jar, lens
wood: log, plank, stump
metal: coin, key, nail, anvil
paper: book, newspaper, envelope, map
wool: sweater, scarf, mitten
rubber: tire, eraser
leather: belt, wallet, saddle, boot
cotton: towel, sheet
clay: brick, pot
wax: candle, crayon
ice: igloo, iceberg, glacier
"""

SOURCE = """
a cow: milk, beef
a hen: egg
a sheep: wool
a bee: honey, beeswax
a grape: wine, raisin
wheat: flour, bread
a pig: bacon, ham
an oyster: pearl
a potato: chips
a tomato: ketchup
corn: popcorn
an apple: cider
milk: cheese, yogurt, butter, cream
a cloud: rain, snow, hail
a fire: smoke, ash
a mine: coal, gold, diamond
a volcano: lava
a tree: wood, log, leaf
"""

BECOMES = """
a frog: tadpole
a butterfly: caterpillar
a dog: puppy
a cat: kitten
a cow: calf
a sheep: lamb
a horse: foal
a duck: duckling
a hen: chick
a lion: cub
a pig: piglet
a deer: fawn
a goose: gosling
an oak: acorn
a man: boy
a woman: girl
a plant: seed
a kangaroo: joey
a fly: maggot
a swan: cygnet
"""

ORGAN = """
see: eye
hear: ear
smell: nose
taste: tongue
walk: leg, foot
grab: hand, finger
bite: tooth, jaw
breathe: lung
think: brain
fly: wing, feather
swim: fin, flipper
speak: mouth, voice
"""

DIET = """
grass: cow, sheep, horse
meat: lion, tiger, wolf, crocodile
bamboo: panda
nuts: squirrel, chipmunk
nectar: bee, hummingbird, butterfly
leaves: koala, giraffe, caterpillar
flies: frog, spider, toad
fish: penguin, seal, pelican, otter
mice: owl, cat
ants: anteater
bananas: monkey, gorilla
seeds: sparrow, pigeon
"""

HOME = """
a nest: sparrow, robin
a hive: bee
the sea: whale, shark, octopus, dolphin, jellyfish
the desert: camel, cactus
a stable: horse, pony
a pond: frog, toad
the jungle: monkey, gorilla, parrot
the savanna: lion, zebra, giraffe, elephant
a burrow: rabbit, mole, badger
the forest: deer, squirrel
a web: spider
a sty: pig
a coop: hen
a kennel: dog
a palace: king, queen
the arctic: walrus, reindeer
a cave: bat
"""

JOB = """
a hospital: doctor, nurse, surgeon
a school: teacher
a farm: farmer
a kitchen: chef, cook
a ship: sailor, captain
a court: judge, lawyer
a mine: miner
a bakery: baker
a garden: gardener
a theater: actor
a library: librarian
a bank: banker
a shop: cashier
a plane: pilot
a church: priest
a lab: scientist, chemist
"""
