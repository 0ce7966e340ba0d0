"""One row of a dataset on a Hub of the tests, and the token that is shown to it."""

ROWS = [{"question": "2 + 2?", "choices": {"text": ["3", "4"], "label": ["A", "B"]}, "answerKey": "B", "extra": 7}]
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz"
