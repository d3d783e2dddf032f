import * as Interruptions from "./Interruptions.ts"

Interruptions.tests({ gesture: ["webrtc"], context: ["websocket"], devices: ["websocket"], ends: false })
