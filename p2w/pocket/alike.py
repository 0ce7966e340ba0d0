"""Objects of a relation that are too close to stand as false choices for each other: `one/other` pairs."""

ALIKE = {
    "color": """
yellow/orange, black/gray, purple/red, purple/blue, pink/red, pink/purple, white/brown
""",
    "kind": """
a tree/a fruit, a fruit/a vegetable, a flower/a tree
""",
    "sound": """
buzz/chirp, bark/howl, cluck/quack
""",
    "cover": """
fur/wool, scales/a shell
""",
    "material": """
wool/cotton, wood/paper, glass/metal
""",
    "source": """
wheat/corn, a cow/milk, a mine/a volcano, a mine/a fire, a volcano/a fire, a cloud/a volcano, a tree/a fire
""",
    "organ": """
bite/speak, grab/bite, bite/taste, smell/breathe, taste/speak
""",
    "diet": """
grass/leaves, meat/mice, meat/fish, meat/ants, meat/flies, seeds/nuts, grass/seeds, bamboo/leaves, mice/fish,
ants/flies, bananas/nuts, bananas/leaves, grass/bananas, mice/flies
""",
    "home": """
a nest/the forest, a den/the forest, a burrow/the forest, the jungle/the forest, a nest/the jungle, a burrow/the
desert, the jungle/the savanna, the arctic/the sea, the arctic/the forest, a cave/the forest, a cave/the jungle, a
web/the forest, a hive/the forest, the savanna/the desert
""",
    "job": """
a farm/a garden, a kitchen/a bakery, a kitchen/a ship, a shop/a bakery, a school/a library, a lab/a hospital
""",
    "opposite": """
hot/summer, cold/winter
""",
    "next": """
sweeps the floor/checks the time, makes tea/drinks water, digs a hole/plants a garden, cuts the bread/cuts paper,
boards the train/rides away, washes the dishes/drinks water
""",
    "tool": """
a boat/a net, a pan/an oven, an oven/a match, a knife/scissors, a knife/a saw, a saw/an axe, a lamp/a match, a
kettle/a pan, a brush/a broom, a brush/a pen, soap/a hose, a towel/an iron, a fridge/a fan, a telescope/a lamp, a
compass/a map, a rake/a broom, a pump/a hose, a phone/a stamp, a pen/a stamp, an axe/a knife, an oven/a kettle, a
telescope/a microscope, a telescope/a camera, a net/a boat, a shovel/a rake, a brush/a comb, a spoon/a kettle, a
microscope/a lamp, a ruler/a scale, a knife/an eraser, soap/a towel, a broom/a rake, a ladder/a lamp, an
axe/scissors, a saw/scissors, glue/scissors, a boat/a compass, a boat/a map, a match/a kettle, a spoon/a pan, a
fan/a towel
""",
    "feel": """
sad/angry, sad/tired, sad/bored, sad/sick, tired/bored, tired/sick, tired/hungry, tired/thirsty, hungry/thirsty,
hungry/sad, cold/tired, cold/scared, cold/sad, cold/sick, sad/scared, angry/scared, thirsty/sick, angry/bored,
happy/tired
""",
    "want": """
call for help/see a doctor, clean it up/say sorry, drink water/eat a meal, cook dinner/eat a meal, eat a meal/go to
sleep, drink water/go to sleep, drink water/take a bath, take a bath/go to sleep, say sorry/study more, look for
it/call for help, put on a coat/take a bath, hurry up/look for it, go to sleep/see a doctor, clean it up/look for
it, put on a coat/go to sleep, clean it up/take a bath
""",
}
