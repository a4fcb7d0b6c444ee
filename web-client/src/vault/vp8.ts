// Whether opened bytes can be a VP8 frame (RFC 6386 section 9.1).
//
// A member could seal anything.  Decoders are audited for pictures, packetizers and
// depacketizers less so: what does not even begin like VP8 goes no further.

/** Largest side of a picture that we pass on; cameras of calls stay far below. */
const SIDE_MAX = 4096;

/** Looks at the uncompressed data chunk at the start. */
export function looksLikeVp8(frame: Uint8Array): boolean {
  const [tag0, tag1, tag2, start0, start1, start2, width0, width1, height0, height1] = frame;
  if (tag0 === undefined || tag1 === undefined || tag2 === undefined) return false;
  const firstPartitionBytes = (tag0 | (tag1 << 8) | (tag2 << 16)) >> 5;
  if (firstPartitionBytes > frame.length) return false;
  const isKeyFrame = (tag0 & 1) === 0;
  if (!isKeyFrame) return true;
  if (start0 !== 0x9d || start1 !== 0x01 || start2 !== 0x2a) return false;
  if (width0 === undefined || width1 === undefined || height0 === undefined || height1 === undefined) return false;
  const width = (width0 | (width1 << 8)) & 0x3fff;
  const height = (height0 | (height1 << 8)) & 0x3fff;
  return width > 0 && height > 0 && width <= SIDE_MAX && height <= SIDE_MAX;
}
