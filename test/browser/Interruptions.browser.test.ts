import * as Interruptions from "./Interruptions.ts"

Interruptions.tests({ gesture: ["websocket"], context: ["webrtc"], devices: ["webrtc"], ends: true })
