#!/bin/sh
# Makes a clip to try things out with: 8 s of 1280x720 at 30 frames/s with sound, drawn by formulas. usage: make_clip.sh OUT.mp4
set -eu
out=$1
ffmpeg -v error -y \
  -f lavfi -i "gradients=size=1280x720:rate=30:duration=8:c0=0x9fc5e8:c1=0xe8eef4:c2=0x6f8fb0:c3=0xf4f6f8:n=4:speed=0.006:seed=7" \
  -f lavfi -i "sine=frequency=220:beep_factor=2:duration=8" \
  -vf "noise=alls=4:all_seed=7,format=yuv420p" \
  -c:v libx264 -preset veryfast -crf 18 -bf 3 -g 60 -c:a aac -b:a 96k -shortest "$out.part.mp4"
mv "$out.part.mp4" "$out"
