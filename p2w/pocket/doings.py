"""Facts about what people do, feel and compare, written by hand in the same form as those of `facts`."""

# Each pair is two facts: either word is the opposite of the other.
OPPOSITE_PAIRS = """
hot cold, big small, fast slow, up down, left right, day night, wet dry, hard soft, full empty, rich poor, happy sad,
early late, high low, long short, loud quiet, clean dirty, strong weak, sweet sour, near far, first last, thick thin,
wide narrow, deep shallow, black white, in out, love hate, begin end, buy sell, push pull, win lose, give take,
laugh cry, summer winter, north south, east west, man woman, king queen, awake asleep, alive dead, smooth rough
"""

NEXT = """
sweeps the floor: broom
makes tea: kettle
digs a hole: shovel
hits a nail: hammer
reads a story: book
cuts the bread: knife
calls a friend: phone
plays a song: guitar
washes the dishes: sponge
walks in the rain: umbrella
climbs up: ladder
takes a photo: camera
writes a letter: pen
paints the wall: brush
sews a button: needle
chops a tree: axe
eats the soup: spoon
opens the door: key
rides away: bicycle
kicks it far: football
falls asleep: pillow
lights the fire: match
gathers leaves: rake
fixes the hair: comb
catches a fish: net
looks at the stars: telescope
drinks water: cup
boards the train: ticket
ties a knot: rope
rows the boat: oar
bakes a cake: flour
sleeps outside: tent
skates on ice: skates
flies it high: kite
plays tennis: racket
cuts paper: scissors
walks the dog: leash
turns on the show: remote
slides down the hill: sled
pays the bill: wallet
shoots an arrow: bow
checks the time: watch
finds the way: map
waters the plants: hose
cleans the teeth: toothbrush
presses the shirt: iron
beats a rhythm: drum
plants a garden: seeds
"""

# Two-sided properties: the left side of a line is the opposite of the line after it.
PROPERTY = """
hot: oven, stove, fire, lava, furnace, steam
cold: ice, snow, fridge, iceberg, glacier, freezer
hard: rock, diamond, brick, anvil, steel
soft: pillow, sponge, blanket, cushion, sofa
heavy: truck, piano, tank, boulder, bus
light: feather, leaf, balloon, bubble, paper
fast: cheetah, jet, rocket, arrow, falcon
slow: snail, turtle, sloth, worm, slug
big: whale, elephant, mountain, ocean, castle
small: ant, seed, crumb, pea, bean
sweet: sugar, honey, candy, cake, syrup
sour: lemon, vinegar, lime, pickle, grapefruit
wet: rain, river, puddle, lake, sweat
dry: desert, sand, dust, hay, straw
loud: thunder, drum, siren, trumpet, engine
quiet: whisper, library, shadow, butterfly, statue
bright: sun, lamp, star, lightning, flame
dark: night, cave, tunnel, cellar, coal
"""

TOOL = """
a knife: cut bread, slice a cake
a broom: sweep the floor, sweep the stairs
a hammer: drive a nail
a shovel: dig a hole, move the snow
a pen: write a letter, sign a paper
a key: open a lock
a brush: paint a wall, paint a fence
a spoon: eat soup, stir tea
a towel: dry the hands, dry the dishes
a lamp: see at night, light a room
a ruler: measure a line
a clock: tell the time
an umbrella: stay dry in rain
a needle: sew a button, fix a sock
scissors: cut paper, cut hair
a saw: cut wood, cut a plank
a net: catch a fish, catch a butterfly
a kettle: boil water, make tea
an oven: bake a cake, bake bread
a fridge: keep milk cold, keep food fresh
a ladder: climb to the roof, reach a high shelf
a phone: call a friend, call the police
a match: light a candle, start a fire
a telescope: look at the stars, see the moon
a camera: take a photo
a compass: find the north
a scale: weigh fruit, weigh a baby
a boat: cross a lake, cross the sea
a stamp: mail a letter
glue: stick paper together
an eraser: remove a pencil line
a hose: water the garden, fill the pool
a pan: fry an egg, cook a pancake
an iron: press a shirt
a fan: cool a room
a thermometer: measure heat, check a fever
an axe: chop a tree
a rake: gather leaves
a pump: fill a tire
a racket: play tennis
a comb: fix the hair
a map: find the way
soap: wash the hands, wash a shirt
a vase: hold flowers
a microscope: see tiny things, study a cell
"""

FEEL = """
happy: won the race, got a gift, met a friend, passed the test, found a puppy, heard good news, got a hug
sad: lost the game, lost the dog, failed the test, dropped the cake, heard bad news, said goodbye
scared: saw a ghost, saw a snake, heard thunder, met a bear, saw a shark, had a nightmare
tired: worked all day, ran a marathon, did not sleep, carried heavy boxes, danced all night, walked for hours
hungry: missed lunch, did not eat, skipped breakfast
thirsty: ate salty chips, crossed the desert, drank nothing
angry: got robbed, got cheated, was insulted
bored: had nothing to do, waited for hours, heard a dull speech
cold: forgot the coat, fell in the snow, swam in the winter
sick: ate rotten fish, caught the flu, drank bad milk
"""

WANT = """
take a bath: fell in the mud, played in the dirt
clean it up: spilled the milk, broke a glass
see a doctor: broke a leg, caught the flu
look for it: lost a key, lost the wallet
say sorry: hurt a friend, told a lie
say thanks: got a gift, got help
call for help: saw a fire, saw a thief
hurry up: woke up late, missed the bus
study more: failed the test, got a bad grade
cook dinner: bought food, picked vegetables
drink water: crossed the desert, ate salty chips
go to sleep: worked all day, danced all night
eat a meal: missed lunch, skipped breakfast
put on a coat: felt the cold, saw the snow
"""
