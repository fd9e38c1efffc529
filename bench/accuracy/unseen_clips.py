#!/usr/bin/env python3
"""Measures a model on films that no training has seen: draws them, evaluates each, and sums up.

    bench/accuracy/unseen_clips.py [--model models/demo] [--seeds 901-910] [--seconds 6] [--script random] [--boxes truth]
        [--keep FOLDER]

Films are drawn by posefleet-demo-footage from seeds; trainings draw from other streams of numbers (training/footage/dice.h), so
any seed is unseen. Recall and precision are of all people together, body errors are means over all people that were found.
Prints a table in Markdown; --json prints one object.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Means over people, by evaluate's names.
MEANS = ["mpjpe_mm", "pa_mpjpe_mm", "mpvpe_mm", "silhouette_iou", "pck_at_0.05", "pck_at_0.10"]


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"unseen_clips: {' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def seeds_of(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def evaluate(options, folder, seed):
    clip, truth = folder / f"{seed}.mp4", folder / f"{seed}.truth.json"
    if not clip.exists() or not truth.exists():
        run([options.build / "bin/posefleet-demo-footage", "--clip", clip, "--truth", truth, "--script", options.script,
             "--seed", seed, "--seconds", options.seconds])
    more = ["--boxes", options.boxes, "--steady", "on"] if options.boxes else []
    report = json.loads(run([options.build / "bin/posefleet", "evaluate", clip, "--truth", truth, "--model", options.model,
                             "--write-found", folder / f"{seed}.found.json", "--progress", "none", "--json", *more]))
    if not options.keep:
        clip.unlink()
    return report


def add(sums, figures, people):
    if not people or figures.get("mpjpe_mm") is None:
        return
    sums["people"] = sums.get("people", 0) + people
    for name in MEANS:
        if figures.get(name) is not None:
            sums[name] = sums.get(name, 0) + people * figures[name]


def means_of(sums):
    people = max(1, sums.get("people", 0))
    return {"people": sums.get("people", 0), **{name: sums.get(name, 0) / people for name in MEANS}}


def row(name, means):
    cells = [f"{means[key]:.0f}" for key in MEANS[:3]] + [f"{means[key]:.2f}" for key in MEANS[3:]]
    return f"| {name} | {means['people']} | " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/demo")
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("901-910"))
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--script", default="random", choices=["random", "snow", "court"])
    parser.add_argument("--boxes", choices=["truth"], help="give the network the true boxes")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER",
                        help="keep the films there, and take those that it has: of the same script and length")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    counts = dict.fromkeys(["people_counted", "people_found", "people_matched", "people_neither", "people_wrong"], 0)
    all_people, facing = {}, {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for seed in options.seeds:
            report = evaluate(options, folder, seed)
            for name in counts:
                counts[name] += report[name]
            add(all_people, report, report["people_matched"])
            for side, figures in report["by_facing"].items():
                add(facing.setdefault(side, {}), figures, figures.get("people", 0))
            print(f"seed {seed}: recall {report['recall']}, precision {report['precision']}, "
                  f"PA-MPJPE {report['pa_mpjpe_mm']}, MPJPE {report['mpjpe_mm']}", file=sys.stderr, flush=True)
    wanted = counts["people_counted"]
    result = {"seeds": [options.seeds[0], options.seeds[-1]], "script": options.script, **counts,
              "recall": counts["people_matched"] / max(1, wanted),
              "precision": counts["people_matched"] / max(1, counts["people_matched"] + counts["people_wrong"]),
              "all": means_of(all_people), "by_facing": {side: means_of(sums) for side, sums in facing.items()}}
    if options.json:
        print(json.dumps(result))
        return
    print(f"recall {result['recall']:.3f}, precision {result['precision']:.3f} ({wanted} people asked for)\n")
    print("| Facing | People | MPJPE mm | PA-MPJPE mm | MPVPE mm | Silhouette IoU | PCK@0.05 | PCK@0.10 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    print(row("all", result["all"]))
    for side in sorted(result["by_facing"]):
        print(row(side, result["by_facing"][side]))


if __name__ == "__main__":
    main()
