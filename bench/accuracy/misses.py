#!/usr/bin/env python3
"""Says why people were missed, and what was found that is nobody.

    bench/accuracy/unseen_clips.py --seeds 801-808 --keep /tmp/films
    bench/accuracy/misses.py /tmp/films/*.truth.json [--examples 3]

Beside each NAME.truth.json lies NAME.found.json, as `posefleet evaluate --write-found` writes it. Who is asked for and what a
match is are those of docs/accuracy.md, but for ties: the file has no scores, so the largest overlaps choose first.
Each person who was missed is counted once, by the share of them that shows and by the first of these causes that fits:

    loose    a box that is nobody else's overlaps theirs by a fifth and more: short, tall, narrow or wide compared with them
    merged   only somebody else's box does: two people came out as one, or the one behind did not come out
    unseen   no box does
"""
import argparse
import collections
import json
import pathlib
import sys

MATCH = 0.5  # least overlap of a match
NEAR = 0.2  # least overlap of a box that has to do with somebody
HEIGHT_MIN, VISIBLE_MIN = 80, 0.3
VISIBLE = [(0.5, "below 0.50"), (0.75, "below 0.75"), (0.95, "below 0.95"), (1.01, "all")]


def read(path):
    film = json.loads(pathlib.Path(path).read_text())
    return film["width"], film["height"], {frame["frame"]: frame["people"] for frame in film["frames"]}


def inside(box, width, height):
    return [min(max(box[i], 0), (width, height)[i % 2]) for i in range(4)]


def area(box):
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def shared(a, b):
    return area([max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])])


def overlap(a, b):
    both = shared(a, b)
    return both / (area(a) + area(b) - both) if both > 0 else 0


def matched(asked, found):
    """Pairs of indices, the largest overlaps first."""
    pairs = sorted(((-overlap(a, b), i, j) for i, a in asked.items() for j, b in enumerate(found)))
    true_of, found_of = {}, {}
    for minus, i, j in pairs:
        if -minus < MATCH:
            break
        if i not in found_of and j not in true_of:
            found_of[i], true_of[j] = j, i
    return found_of, true_of


def shape(box, person):
    """How a loose box differs from the person's."""
    words = []
    for low, high, size in (("short", "tall", lambda b: b[3] - b[1]), ("narrow", "wide", lambda b: b[2] - b[0])):
        ratio = size(box) / max(1e-6, size(person))
        words += [low] if ratio < 0.75 else [high] if ratio > 4 / 3 else []
    return " and ".join(words) or "aside"


def cause_of_miss(person, found, true_of):
    free = max(((overlap(person, box), j) for j, box in enumerate(found) if j not in true_of), default=(0, -1))
    if free[0] >= NEAR:
        return "loose: " + shape(found[free[1]], person)
    taken = max((overlap(person, box) for j, box in enumerate(found) if j in true_of), default=0)
    return "merged" if taken >= NEAR else "unseen"


def cause_of_wrong(box, people, found_of):
    """None: the box of somebody who is not asked for."""
    if any(shared(box, person) >= 0.5 * area(box) for i, (person, is_asked, _) in enumerate(people) if not is_asked):
        return None
    best = max(((overlap(box, person), i) for i, (person, _, _) in enumerate(people)), default=(0, -1))
    if best[0] >= NEAR and best[1] not in found_of:
        return "a loose box of somebody missed"
    within = max((shared(box, person) for person, _, _ in people), default=0)
    return "a part of somebody, or twice the same" if within > 0.4 * area(box) else "nobody is there"


def judge(name, truth_path, totals, misses, wrongs, examples):
    width, height, truth = read(truth_path)
    _, _, all_found = read(str(truth_path).replace(".truth.json", ".found.json"))
    for frame, true_people in truth.items():
        people = [(inside(p["box"], width, height),
                   p["box"][3] - p["box"][1] >= HEIGHT_MIN and p["visible"] >= VISIBLE_MIN, p["visible"]) for p in true_people]
        found = [inside(p["box"], width, height) for p in all_found.get(frame, [])]
        asked = {i: person for i, (person, is_asked, _) in enumerate(people) if is_asked}
        found_of, true_of = matched(asked, found)
        for i, person in asked.items():
            seen = next(word for limit, word in VISIBLE if people[i][2] < limit)
            totals[seen] += 1
            if i in found_of:
                continue
            cause = cause_of_miss(person, found, true_of)
            misses[cause][seen] += 1
            examples[cause].append(f"{name} frame {frame} at {[round(v) for v in person]}, {people[i][2]:.2f} visible")
        totals["found"] += len(found_of)
        for j, box in enumerate(found):
            cause = None if j in true_of else cause_of_wrong(box, people, found_of)
            if cause:
                wrongs[cause] += 1
                examples[cause].append(f"{name} frame {frame} at {[round(v) for v in box]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", nargs="+", type=pathlib.Path, help="NAME.truth.json")
    parser.add_argument("--examples", type=int, default=0, help="of each cause, spread over the films")
    options = parser.parse_args()
    totals, wrongs = collections.Counter(), collections.Counter()
    misses, examples = collections.defaultdict(collections.Counter), collections.defaultdict(list)
    for path in options.truth:
        if not path.name.endswith(".truth.json"):
            sys.exit(f"misses: {path} is not named NAME.truth.json")
        judge(path.name.removesuffix(".truth.json"), path, totals, misses, wrongs, examples)
    shares = [word for _, word in VISIBLE]
    asked, right, wrong = sum(totals[word] for word in shares), totals["found"], sum(wrongs.values())
    print(f"recall {right / max(1, asked):.3f}, precision {right / max(1, right + wrong):.3f} ({asked} people asked for)\n")
    print("| Missed, by what shows | " + " | ".join(shares) + " | together |")
    print("| --- |" + " --- |" * (len(shares) + 1))
    for cause, by_share in sorted(misses.items(), key=lambda item: -sum(item[1].values())):
        print(f"| {cause} | " + " | ".join(str(by_share[word]) for word in shares) + f" | {sum(by_share.values())} |")
    print("| asked for | " + " | ".join(str(totals[word]) for word in shares) + f" | {asked} |\n")
    print("| Found, but wrong | |\n| --- | --- |")
    for cause, count in wrongs.most_common():
        print(f"| {cause} | {count} |")
    for cause in list(misses) + list(wrongs) if options.examples else []:
        every = max(1, len(examples[cause]) // options.examples)
        print(f"\n{cause}: " + "; ".join(examples[cause][::every][:options.examples]))


if __name__ == "__main__":
    main()
