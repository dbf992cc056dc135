export { OutsideEmulator } from "./emulator.js"
export { OutsidePlugin } from "./plugin.js"
