"""Reads `rls3 export --format hf` without the library datasets: python3 read_hf.py FOLDER SPLIT"""

import json
import pathlib
import sys

from png import pixels


def read(folder, split):
    """For each sample: its row, and its picture as (width, height, bytes)."""
    folder = pathlib.Path(folder) / split
    with open(folder / "metadata.jsonl", encoding="utf8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row, pixels((folder / row["file_name"]).read_bytes())


if __name__ == "__main__":
    for row, (width, height, _) in read(*sys.argv[1:3]):
        print(row["id"], width, height, *[message["content"] for message in row["messages"]])
