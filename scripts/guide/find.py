#!/usr/bin/env python3
"""Finds the code of a sentence of the set-up guide by some of its words, in any order.

  scripts/guide/find.py expand section step
  scripts/guide/find.py --test      searches each sentence by four of its words, chosen at random

`words.tsv` has one line for each sentence of the guide: its chapter, its words in alphabetical order, and the
code. A word that few sentences have counts more. docs/guide-to-code.md has the same by pieces of sentences.
"""

import math
import pathlib
import random
import re
import sys

FILE = pathlib.Path(__file__).with_name("words.tsv")
SHOWN = 3
ENDINGS = re.compile(r"(ings?|ed|es|s)$")


def stem(word):
    word = word.lower().replace("’", "'").removesuffix("'s").strip("'")
    return ENDINGS.sub("", word) if len(word) > 4 else word


def stems(text):
    return {stem(word) for word in re.findall(r"[A-Za-z0-9’'+]+", text)}


def read():
    lines = [line.split("\t") for line in FILE.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return [(chapter, words, stems(words), code) for chapter, words, code in lines]


class Index:
    def __init__(self, lines):
        self.lines = lines
        number = {}
        for line in lines:
            for word in line[2]:
                number[word] = number.get(word, 0) + 1
        self.weights = {word: math.log(1 + len(lines) / count) for word, count in number.items()}

    def search(self, words):
        """Returns the lines that have some of these words, the best one first."""
        asked = stems(words)

        def score(line):
            found = sum(self.weights[word] for word in asked & line[2])
            # Of two sentences with these words, the shorter one.
            return (found, -len(line[2]))

        found = [line for line in self.lines if asked & line[2]]
        return sorted(found, key=score, reverse=True)


def test(index):
    chosen = random.Random(1)
    lost = []
    for line in index.lines:
        words = sorted(line[2])
        asked = " ".join(chosen.sample(words, min(4, len(words))))
        codes = [it[3] for it in index.search(asked)[:SHOWN]]
        if line[3] not in codes:
            lost.append(f"{asked}: expected {line[3]}, got {'; '.join(codes)}")
    print(f"{len(index.lines) - len(lost)} of {len(index.lines)} sentences found by four of their words")
    for one in lost:
        print(one)
    return len(lost)


def main():
    index = Index(read())
    if sys.argv[1:] == ["--test"]:
        sys.exit(test(index) > len(index.lines) // 20)
    if not sys.argv[1:]:
        sys.exit("words of a sentence not found: scripts/guide/find.py expand section step")
    found = index.search(" ".join(sys.argv[1:]))
    if not found:
        sys.exit("no sentence with one of these words found: docs/guide-to-code.md lists the procedures")
    for chapter, words, _, code in found[:SHOWN]:
        print(f"{code}\n    {chapter}: {words}")


main()
