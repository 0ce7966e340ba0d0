"""One row of each dataset, in its own columns and types."""

ARC_LETTERS = {
    "id": "Mercury_7175875",
    "question": "Which skin surface will produce the most heat?",
    "choices": {"text": ["dry palms", "wet palms", "oily palms", "cold palms"], "label": ["A", "B", "C", "D"]},
    "answerKey": "A",
}
ARC_DIGITS = {
    "id": "MDSA_2009_5_20",
    "question": "Which falls?",
    "choices": {"text": ["a stone", "a cloud", "smoke"], "label": ["1", "2", "3"]},
    "answerKey": "3",
}
ARC_FIVE = {
    "id": "VASoL_2007_3_26",
    "question": "Which is a gas?",
    "choices": {"text": ["sand", "oil", "iron", "ice", "steam"], "label": ["A", "B", "C", "D", "E"]},
    "answerKey": "E",
}
BOOLQ = {"question": "do iran and afghanistan speak the same language", "answer": True, "passage": "Persian, also …"}
OPENBOOKQA = {
    "id": "7-980",
    "question_stem": "The sun is responsible for",
    "choices": {"text": ["puppies", "children", "a vase", "plants sprouting"], "label": ["A", "B", "C", "D"]},
    "answerKey": " D ",
}
HELLASWAG = {
    "ind": 4,
    "activity_label": "Home and Garden",
    "ctx_a": "[header] How to dry a towel [title] Use the line.",
    "ctx_b": "",
    "ctx": "[header] How to dry a towel [title] Use the line. [step] Hang  it up.",
    "endings": ["It dries. [substeps] Wait.", "It sings.", " It melts.", "It runs."],
    "source_id": "wikihow~1",
    "split": "train",
    "split_type": "indomain",
    "label": "2",
}
WINOGRANDE = {
    "sentence": "Sarah was better than Maria so _ won.",
    "option1": "Sarah",
    "option2": "Maria",
    "answer": "2",
}
PIQA = {"goal": "dry a towel", "sol1": "Hang it up.", "sol2": "Put it in water.", "label": 0}
SOCIAL_IQA = {
    "context": "Tracy fell. ",
    "question": "How would Tracy feel?",
    "answerA": "hurt",
    "answerB": "glad",
    "answerC": "proud",
    "label": "1",
}
QASC = {
    "id": "3E7TUJ2EGCLQNOV1WEAJ2NN9ROPD9K",
    "question": "What type of water formation is formed by clouds?",
    "choices": {
        "text": ["pearls", "streams", "shells", "diamonds", "rain", "beads", "cooled", "liquid"],
        "label": ["A", "B", "C", "D", "E", "F", "G", "H"],
    },
    "answerKey": "F",
}
GSM8K = {"question": "Ann has 2 pears and buys 3. How many now? ", "answer": "2 + 3 = <<2+3=5>>5 pears.\n#### 5"}
MATH = {
    "problem": "What is $1+1$?",
    "level": "Level 1",
    "solution": "It is $\\boxed{2}$.",
    "type": "Prealgebra",
}
PYTHON_INSTRUCTIONS = {
    "instruction": "Add the numbers.",
    "input": "[1, 2]",
    "output": "print({1} and 3)",
    "prompt": "…",
}
ROSETTA_CODE = {
    "task_name": "Sum",
    "task_description": "Add the numbers.",
    "language_name": "Ada",
    "code": "A + B;",
}
MBPP = {"task_id": 601, "text": "Write a function to add.", "code": "def add(a, b):\r\n  return a + b", "test_list": []}
