import { digest } from "nexus-integrations/plugin"
import { incomingFile } from "nexus-integrations/plugin/testing"

/** What a file holds. */
export interface Content {
  readonly size: number
  readonly sha256: string
  /** Dropbox's own hash. */
  readonly hash: string
  readonly text: string
}

const blockSize = 4 * 1024 * 1024

/** Takes bytes as they come. */
export const makeIntake = () => {
  const file = incomingFile()
  const blocks: Array<string> = []
  let block = incomingFile()
  return {
    get size() {
      return file.size
    },
    add: (bytes: Uint8Array) => {
      file.add(bytes)
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + blockSize - block.size)
        block.add(part)
        at += part.length
        if (block.size < blockSize) continue
        blocks.push(block.digest("sha256"))
        block = incomingFile()
      }
    },
    content: (): Content => {
      const all = block.size === 0 ? blocks : [...blocks, block.digest("sha256")]
      const hash = digest("sha256", Buffer.from(all.join(""), "hex"))
      return { size: file.size, sha256: file.digest("sha256"), hash, text: file.text }
    }
  }
}
export type Intake = ReturnType<typeof makeIntake>

export const contentOf = (bytes: Uint8Array): Content => {
  const intake = makeIntake()
  intake.add(bytes)
  return intake.content()
}
