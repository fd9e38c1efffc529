#include "tests/common/media/matrix/clips.h"

#include "tests/common/media/clips.h"

namespace posefleet::tests {
namespace {

// Two seconds of a moving picture are some groups of pictures of every encoder below.
const std::string kPicture = picture(64, 64, "25", 1.6);
const std::string kSound = tone(1.6);
const std::string kX264 = "-c:v libx264 -preset veryfast -threads 1 -pix_fmt yuv420p ";
const std::string kX265 = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p ";
const std::string kOpenGroups =
    kX264 + "-x264-params keyint=12:bframes=4:open-gop=1:b-pyramid=normal:scenecut=0 ";
const std::string kClosedGroups = kX264 + "-x264-params keyint=12:bframes=3:scenecut=0 ";
const std::string kDropSome = "-vf \"select='not(eq(mod(n,5),2))'\" -vsync vfr ";

std::string x265(const std::string& parameters) {
  return kX265 + "-x265-params log-level=none:pools=1:frame-threads=1:" + parameters + " ";
}

std::vector<MatrixClip> h264_clips() {
  return {
      {.name = "h264-long-groups.mp4",
       .arguments = kPicture + kX264 + "-x264-params keyint=250:bframes=8:b-pyramid=normal"},
      {.name = "h264-open-groups.mkv", .arguments = kPicture + kSound + kOpenGroups},
      {.name = "h264-open-groups.mp4", .arguments = kPicture + kSound + kOpenGroups},
      {.name = "h264-open-groups.ts", .arguments = kPicture + kSound + kOpenGroups},
      {.name = "h264-fragmented.mp4",
       .arguments = kPicture + kSound + kOpenGroups + "-movflags frag_keyframe+empty_moov"},
      {.name = "h264-negative-offsets.mp4",
       .arguments = kPicture + kOpenGroups + "-movflags negative_cts_offsets"},
      {.name = "h264-intra-refresh.mp4",
       .arguments = kPicture + kX264 + "-x264-params intra-refresh=1:keyint=12"},
      {.name = "h264-interlaced.mp4",
       .arguments = kPicture + kX264 + "-x264-params keyint=12:tff=1"},
      {.name = "h264-edit-list.mp4",
       .arguments = kPicture + kClosedGroups,
       .then = "-ss 0.3 -i first -c copy"},
      {.name = "h264-edit-list-fragmented.mp4",
       .arguments = kPicture + kClosedGroups,
       .then = "-ss 0.3 -i first -c copy -movflags frag_keyframe"},
      {.name = "h264.flv", .arguments = kPicture + kSound + kClosedGroups},
      {.name = "h264-without-times.avi",
       .arguments = kPicture + kClosedGroups,
       .truth = Truth::Count,
       .decoded_because = "AVI stores no presentation times, and guessed ones repeat"},
      {.name = "h264-decode-times.mkv",
       .arguments = kPicture + kClosedGroups,
       .then = "-i first -c copy -bsf:v setts=pts=DTS",
       .truth = Truth::Count,
       .decoded_because = "decode times are stored as presentation times"},
      {.name = "h264-repeated-times.mkv",
       .arguments = kPicture + kX264 + "-x264-params keyint=12:bframes=0",
       .then = "-i first -c copy -bsf:v 'setts=ts=floor(TS/80)*80'",
       .truth = Truth::Count,
       .decoded_because = "two frames have the same time"},
      {.name = "raw.h264",
       .arguments = kPicture + kOpenGroups + "-f h264",
       .truth = Truth::Count,
       .decoded_because = "a raw stream has no times"},
      {.name = "h264-cut-front.ts", .arguments = kPicture + kOpenGroups, .bytes_dropped = 30},
      {.name = "h264-cut-end.mkv", .arguments = kPicture + kSound + kOpenGroups, .bytes_kept = 70},
      {.name = "h264-cut-end.mp4",
       .arguments = kPicture + kSound + kOpenGroups + "-movflags faststart",
       .bytes_kept = 70},
  };
}

std::vector<MatrixClip> time_clips() {
  return {
      {.name = "variable.mp4", .arguments = picture(64, 64, "30", 1.6) + kDropSome + kOpenGroups},
      {.name = "variable.mkv", .arguments = picture(64, 64, "30", 1.6) + kDropSome + kOpenGroups},
      {.name = "gap.mkv",
       .arguments = kPicture + "-vf \"select='lt(n,15)+gt(n,30)'\" -vsync vfr " + kOpenGroups},
      {.name = "ntsc.mov", .arguments = picture(64, 64, "30000/1001", 1.6) + kOpenGroups},
      {.name = "slow.mp4", .arguments = picture(64, 64, "1/3", 30) + kClosedGroups},
      {.name = "fast.mp4", .arguments = picture(64, 64, "240", 0.2) + kClosedGroups},
      {.name = "one-frame.mp4", .arguments = picture(64, 64, "25", 0.04) + kX264},
      // What is shown before time zero is not shown.
      {.name = "negative-start.mp4",
       .arguments = kPicture + kSound + kOpenGroups,
       .then = "-i first -c copy -bsf:v setts=pts=PTS-500:dts=DTS-500 -avoid_negative_ts disabled "
               "-copyts"},
      {.name = "negative-start.mkv",
       .arguments = kPicture + kOpenGroups,
       .then = "-i first -c copy -output_ts_offset -0.12 -avoid_negative_ts disabled",
       .truth = Truth::Count,
       .decoded_because = "Matroska cannot say negative times, so most are missing"},
      {.name = "late-start.mp4",
       .arguments = kPicture + kSound + kOpenGroups,
       .then = "-itsoffset 0.35 -i first -i first -map 0:v -map 1:a -c copy"},
      // The clock of MPEG-TS has 33 bits and starts anew after 26.5 hours; FFmpeg
      // makes the times before that negative.
      {.name = "clock-wraps.ts",
       .arguments = kPicture + kOpenGroups,
       .then = "-i first -c copy -output_ts_offset 95441.6"},
  };
}

std::vector<MatrixClip> stream_clips() {
  const std::string two_pictures = kPicture + picture(48, 32, "10", 1.6) + kSound;
  return {
      {.name = "two-videos.mkv",
       .arguments = two_pictures + "-map 0:v -map 1:v -map 2:a " + kClosedGroups},
      {.name = "small-video-first.mp4",
       .arguments = two_pictures + "-map 1:v -map 2:a -map 0:v " + kClosedGroups},
      {.name = "sound-twice.ts",
       .arguments = kPicture + kSound + tone(1.6) + "-map 0 -map 1 -map 2 " + kClosedGroups},
      {.name = "cover.mp4",
       .arguments = kPicture + kSound + picture(200, 200, "25", 0.04) +
                    "-map 2:v -map 0:v -map 1:a " + kClosedGroups +
                    "-c:v:0 png -disposition:v:0 attached_pic -disposition:v:1 default"},
  };
}

std::vector<MatrixClip> picture_clips() {
  const std::string hdr =
      "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv ";
  return {
      {.name = "odd-size.mkv",
       .arguments = picture(97, 65, "25", 1) + "-pix_fmt yuv420p -c:v ffv1 -g 5"},
      {.name = "odd-size-444.mp4",
       .arguments = picture(65, 49, "25", 1) + kOpenGroups + "-pix_fmt yuv444p",
       .pixel_format = "yuv444p"},
      {.name = "422.mov",
       .arguments = kPicture + kOpenGroups + "-pix_fmt yuv422p",
       .pixel_format = "yuv422p"},
      {.name = "ten-bits.mp4",
       .arguments = kPicture + kOpenGroups + "-pix_fmt yuv420p10le",
       .pixel_format = ""},
      {.name = "hdr.mkv",
       .arguments = kPicture + x265("keyint=12:bframes=3") + "-pix_fmt yuv420p10le " + hdr,
       .pixel_format = ""},
      {.name = "full-range.mp4",
       .arguments = kPicture + "-vf scale=out_range=full " + kOpenGroups +
                    "-color_range pc -colorspace bt709 -color_primaries bt709 -color_trc bt709",
       .pixel_format = "yuvj420p"},
      {.name = "bt601.mp4",
       .arguments = kPicture + kOpenGroups + "-colorspace smpte170m -color_primaries smpte170m"},
      {.name = "wide-pixels.mkv", .arguments = kPicture + "-vf setsar=4/3 " + kOpenGroups},
      {.name = "turned.mp4",
       .arguments = kPicture + kOpenGroups,
       .then = "-i first -c copy -metadata:s:v rotate=90"},
      {.name = "mirrored.mp4",
       .arguments = kPicture + kOpenGroups,
       .then = "-i first -c copy -bsf:v "
               "h264_metadata=display_orientation=insert:flip=horizontal"},
      {.name = "grey.mkv",
       .arguments = kPicture + "-pix_fmt gray -c:v ffv1 -g 5",
       .pixel_format = ""},
      {.name = "rgb.mkv",
       .arguments = kPicture + "-pix_fmt bgr0 -c:v ffv1 -g 5",
       .pixel_format = ""},
      {.name = "alpha.mov",
       .arguments = picture(64, 64, "25", 0.6) + "-c:v prores_ks -pix_fmt yuva444p10le",
       .pixel_format = ""},
  };
}

std::vector<MatrixClip> codec_clips() {
  const std::string xvid = kPicture + "-c:v libxvid -bf 2 -g 12 ";
  const std::string packed = "Xvid packs frames, and their times are off by one";
  const std::string av1 = "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 12 -threads 1 ";
  return {
      {.name = "hevc.mp4", .arguments = kPicture + x265("keyint=12:bframes=4")},
      {.name = "hevc-open-groups.ts",
       .arguments = kPicture + x265("keyint=12:bframes=4:open-gop=1")},
      {.name = "raw.hevc",
       .arguments = kPicture + x265("keyint=12:bframes=3:open-gop=1") + "-f hevc",
       .truth = Truth::Count,
       .decoded_because = "a raw stream has no times"},
      {.name = "vp8.webm",
       .arguments = kPicture + "-c:v libvpx -g 12 -auto-alt-ref 1 -lag-in-frames 16"},
      {.name = "vp9.webm",
       .arguments = kPicture + "-c:v libvpx-vp9 -g 12 -deadline good -cpu-used 8 -auto-alt-ref 1 "
                               "-lag-in-frames 12"},
      {.name = "vp9.ivf",
       .arguments = kPicture + "-c:v libvpx-vp9 -g 12 -deadline realtime -cpu-used 8"},
      {.name = "av1.mkv", .arguments = kPicture + av1},
      {.name = "av1.mp4", .arguments = kPicture + av1},
      {.name = "av1.obu", .arguments = kPicture + av1, .truth = Truth::Count},
      {.name = "mpeg1.mpg", .arguments = kPicture + "-c:v mpeg1video -bf 2 -g 12"},
      {.name = "mpeg2.mpg", .arguments = kPicture + kSound + "-c:v mpeg2video -bf 2 -g 12"},
      {.name = "mpeg2-interlaced.ts",
       .arguments = kPicture + kSound + "-c:v mpeg2video -bf 2 -g 12 -flags +ildct+ilme -top 1"},
      {.name = "raw.m2v",
       .arguments = kPicture + "-c:v mpeg2video -bf 2 -g 12",
       .truth = Truth::Count},
      {.name = "mpeg4.avi", .arguments = kPicture + kSound + "-c:v mpeg4 -bf 2 -g 12"},
      {.name = "mpeg4.mp4", .arguments = kPicture + kSound + "-c:v mpeg4 -bf 2 -g 12"},
      {.name = "raw.m4v", .arguments = kPicture + "-c:v mpeg4 -bf 2 -g 12", .truth = Truth::Count},
      {.name = "xvid.avi", .arguments = xvid, .truth = Truth::Count, .decoded_because = packed},
      {.name = "xvid.mkv",
       .arguments = xvid,
       .truth = Truth::Count,
       .decoded_because = packed,
       .errors = {36}},
      {.name = "motion-jpeg.mov",
       .arguments = kPicture + "-pix_fmt yuvj420p -c:v mjpeg",
       .pixel_format = "yuvj420p"},
      {.name = "motion-jpeg.avi",
       .arguments = kPicture + "-pix_fmt yuvj422p -c:v mjpeg",
       .pixel_format = "yuvj422p"},
      {.name = "prores.mov", .arguments = kPicture + "-c:v prores", .pixel_format = ""},
      {.name = "ffv1.avi", .arguments = kPicture + "-pix_fmt yuv420p -c:v ffv1 -g 5"},
      {.name = "uncompressed.nut", .arguments = kPicture + "-pix_fmt yuv420p -c:v rawvideo"},
      {.name = "uncompressed.y4m", .arguments = kPicture + "-pix_fmt yuv420p"},
      {.name = "mpeg2.mxf", .arguments = kPicture + "-c:v mpeg2video -bf 2 -g 12"},
      {.name = "windows.wmv", .arguments = kPicture + kSound + "-c:v wmv2 -g 12"},
      {.name = "theora.ogv", .arguments = kPicture + "-c:v libtheora -g 12"},
      {.name = "h263.3gp", .arguments = picture(128, 96, "30000/1001", 1.6) + "-c:v h263 -g 12"},
      {.name = "moving.gif", .arguments = kPicture + "-c:v gif", .pixel_format = ""},
  };
}

}  // namespace

const std::vector<MatrixClip>& matrix_clips() {
  static const std::vector<MatrixClip> all = [] {
    std::vector<MatrixClip> clips;
    for (const auto& part :
         {h264_clips(), time_clips(), stream_clips(), picture_clips(), codec_clips()}) {
      clips.insert(clips.end(), part.begin(), part.end());
    }
    return clips;
  }();
  return all;
}

std::filesystem::path make_matrix_clip(const TempDir& folder, const MatrixClip& clip) {
  std::string arguments = clip.arguments;
  if (!clip.then.empty()) {
    const std::string first = "'" + make_clip(folder, "first.mkv", clip.arguments).string() + "'";
    arguments = clip.then;
    for (std::size_t at = arguments.find("-i first"); at != std::string::npos;
         at = arguments.find("-i first", at + first.size())) {
      arguments.replace(at + 3, 5, first);
    }
  }
  const auto path = make_clip(folder, clip.name, arguments);
  if (clip.bytes_kept < 100 || clip.bytes_dropped > 0) {
    const std::string whole = read_file(path);
    const std::size_t begin = whole.size() * static_cast<std::size_t>(clip.bytes_dropped) / 100;
    const std::size_t end = whole.size() * static_cast<std::size_t>(clip.bytes_kept) / 100;
    write_file(path, whole.substr(begin, end - begin));
  }
  return path;
}

}  // namespace posefleet::tests
