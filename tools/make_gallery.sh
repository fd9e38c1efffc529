#!/bin/sh
# Makes the pictures of docs/gallery.md: a drawn film of a second, run in every style, a frame of each.
#
#     tools/make_gallery.sh [BUILD]       from the repository's folder, after make build
set -eu
build=${1:-build}
out=docs/images/gallery
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
"$build/bin/posefleet-demo-footage" --clip "$work/film.mp4" --truth "$work/film.json" --script random --seed 812 --seconds 1

# NAME OPTIONS...
still() {
  name=$1
  shift
  "$build/bin/posefleet" run "$work/film.mp4" -o "$work/$name.mp4" --progress none "$@" 2>/dev/null >&2
  ffmpeg -v error -y -ss 0.8 -i "$work/$name.mp4" -frames:v 1 -vf "$crop" -q:v 4 "$out/$name.jpg"
  echo "$out/$name.jpg"
}

crop="crop=640:520:280:40"
still mesh
still skeleton --style skeleton
still mesh-skeleton --style mesh-skeleton
still wireframe --style wireframe
still mesh-only --style mesh-only
still depth --style depth
still side-view --style side-view
still top-view --style top-view
still trail --trail 5 --trail-step 4
still labels --style mesh-skeleton --labels id,left_knee,right_knee,spine
crop="scale=960:-2"
still caption --caption --labels id --palette '#ff7043,#26c6da'
still side-by-side --style side-by-side
