#!/usr/bin/env python3
"""Compares a whole job's rate with the network's own, measured in turns in the same run.

    bench/network/job_rate.py [--model DIR] [--people 24 88] [--rounds 3] [--json]

The job is `posefleet run` on a generated clip in which a boxes file puts a person into the first N frames. A job has a
beginning and an end that do not grow with it (processes start, the video is probed, the last segment is drawn), so two
jobs are run, with few and with many people, and the rate is that of the people in between. hmr2_bench runs before and
after each pair with the same model, batch and threads. On a quiet machine; the model should be one whose network is the
bottleneck (posefleet-random-model DIR 1 full).
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(command):
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"job_rate: {' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    return time.monotonic() - started, done.stdout


def alone(options, threads):
    _, out = run([options.build / "bench/hmr2_bench", "--json", "--config", options.model, "--batch", str(options.batch),
                  "--threads", str(threads), "--precision", options.precision, "--repeats", "2"])
    return json.loads(out)["crops_per_second"]


def job(options, clip, folder, people):
    boxes = folder / "boxes.csv"
    boxes.write_text("".join(f"{frame},400,100,700,650\n" for frame in range(people)))
    command = [options.build / "bin/posefleet", "run", clip, "-o", folder / "out.mp4", "--model", options.model,
               "--boxes", boxes, "--batch-size", str(options.batch), "--range-frames", str(2 * options.batch),
               "--precision", options.precision, "--pose-workers", "1", "--render-workers", "1", "--progress", "none",
               "--json"]
    seconds, out = run(command)
    found = json.loads(out)["people"]
    if found != people:
        sys.exit(f"job_rate: {found} people came out of the job, {people} went in")
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--model", required=True)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--people", type=int, nargs=2, default=[24, 88], metavar=("FEW", "MANY"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    few, many = options.people
    threads = os.cpu_count()
    shares = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        clip = folder / "clip.mp4"
        run(["sh", ROOT / "tools/make_clip.sh", clip])
        for _ in range(options.rounds):
            before = alone(options, threads)
            rate = (many - few) / (job(options, clip, folder, many) - job(options, clip, folder, few))
            network = (before + alone(options, threads)) / 2
            shares.append(rate / network)
            if not options.json:
                print(f"network alone {network:.3f} crops/s, in the job {rate:.3f}: {100 * rate / network:.1f} %",
                      flush=True)
    median = statistics.median(shares)
    print(json.dumps({"median_share": median, "shares": shares}) if options.json else f"median {100 * median:.1f} %")


if __name__ == "__main__":
    main()
