"""Reads `rls3 export --format llava`: python3 read_llava.py FOLDER SPLIT"""

import json
import pathlib
import sys

from png import pixels


def read(folder, split):
    """For each picture: its id, the picture as (width, height, bytes), and its questions with their answers."""
    folder = pathlib.Path(folder)
    for sample in json.loads((folder / f"{split}.json").read_text(encoding="utf8")):
        turns = [turn["value"].removeprefix("<image>\n") for turn in sample["conversations"]]
        yield sample["id"], pixels((folder / sample["image"]).read_bytes()), list(zip(turns[::2], turns[1::2]))


if __name__ == "__main__":
    for name, (width, height, _), asked in read(*sys.argv[1:3]):
        print(name, width, height, *[f"{question} {answer}" for question, answer in asked])
