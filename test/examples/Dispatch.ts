import { AccessToken, AgentDispatchClient, RoomAgentDispatch, RoomConfiguration } from "livekit-server-sdk"

const { LIVEKIT_API_KEY = "", LIVEKIT_API_SECRET = "", LIVEKIT_URL = "http://localhost:7880" } = process.env
const metadata = JSON.stringify({ order: 7 })

// now, into a room that is there or is made by it
const client = new AgentDispatchClient(LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET)
const { id } = await client.createDispatch("desk-7", "support", { metadata })
console.log("dispatched", id) // client.deleteDispatch(id, "desk-7") ends the session

// or as soon as a user comes in with a token that asks for it
const token = new AccessToken(LIVEKIT_API_KEY, LIVEKIT_API_SECRET, { identity: "ann" })
token.addGrant({ room: "desk-8", roomJoin: true })
token.roomConfig = new RoomConfiguration({ agents: [new RoomAgentDispatch({ agentName: "support", metadata })] })
console.log(await token.toJwt())
