/** Unpacks the Chromium of `@sparticuz/chromium` into the temporary folder, which is `TMPDIR`: `node UnpackChromium.ts`. */
import { writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import chromium from "@sparticuz/chromium"

await chromium.executablePath()

// Its own list of folders is that of another place.
const fonts = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts/fonts</dir>
  <cachedir prefix="relative">fonts-cache</cachedir>
</fontconfig>
`
await writeFile(`${tmpdir()}/fonts.conf`, fonts)
