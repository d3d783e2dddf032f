import { AudioBars, CallButton, ConnectionBanner, DevicePicker, MuteButton } from "effect-voice/react"
import { Transcript, useAgentState, VoiceCallProvider } from "effect-voice/react"
import "effect-voice/react/styles.css"
import { createRoot } from "react-dom/client"

const Agent = () => <p>The agent is {useAgentState()}.</p>

createRoot(document.body.appendChild(document.createElement("main"))).render(
  <VoiceCallProvider options={{ connect: { url: "http://127.0.0.1:8080" } }}>
    <ConnectionBanner />
    <CallButton /> <MuteButton /> <AudioBars />
    <Agent />
    <Transcript />
    <DevicePicker kind="microphone" />
    <DevicePicker kind="speaker" />
  </VoiceCallProvider>
)
