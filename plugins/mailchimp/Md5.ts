/**
 * MD5 (RFC 1321) of a text's UTF-8 bytes, in lower-case hexadecimal. Mailchimp names a member by it, and neither Effect
 * nor the Web Crypto API has it. It protects nothing here.
 */
export const md5 = (text: string): string => {
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476] as const
  let [a0, b0, c0, d0]: readonly [number, number, number, number] = state
  const blocks = padded(new TextEncoder().encode(text))
  for (let block = 0; block < blocks.byteLength; block += 64) {
    let [a, b, c, d] = [a0, b0, c0, d0]
    for (let round = 0; round < 64; round++) {
      const [mixed, word] = mix(round, b, c, d)
      const sum = (a + mixed + sine(round) + blocks.getUint32(block + 4 * word, true)) | 0
      const shift = shifts[round >> 4]?.[round & 3] ?? 0
      a = d
      d = c
      c = b
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
    }
    a0 = (a0 + a) | 0
    b0 = (b0 + b) | 0
    c0 = (c0 + c) | 0
    d0 = (d0 + d) | 0
  }
  const digest = new DataView(new ArrayBuffer(16))
  for (const [index, word] of [a0, b0, c0, d0].entries()) digest.setInt32(4 * index, word, true)
  return Array.from(new Uint8Array(digest.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** How far each of the 64 steps rotates: four amounts for each round of 16. */
const shifts = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21]
] as const

/** The table T of RFC 1321, 3.4, which is made of sines. */
const sine = (step: number): number => Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32)

/** The round's function of three words, and which word of the block it takes. */
const mix = (step: number, b: number, c: number, d: number): readonly [number, number] => {
  if (step < 16) return [(b & c) | (~b & d), step]
  if (step < 32) return [(d & b) | (~d & c), (5 * step + 1) % 16]
  if (step < 48) return [b ^ c ^ d, (3 * step + 5) % 16]
  return [c ^ (b | ~d), (7 * step) % 16]
}

/** The bytes with a one bit, zeros, and their length in bits as 64 of them, to a multiple of 64 bytes. */
const padded = (bytes: Uint8Array): DataView => {
  const length = Math.ceil((bytes.length + 9) / 64) * 64
  const whole = new Uint8Array(length)
  whole.set(bytes)
  whole[bytes.length] = 0x80
  const view = new DataView(whole.buffer)
  view.setUint32(length - 8, (bytes.length << 3) >>> 0, true)
  view.setUint32(length - 4, Math.floor(bytes.length / 2 ** 29), true)
  return view
}
