// Takes notifications as a receiver with the published packages does; prints what each made of one, a JSON object a line.
// SECRETS: symmetric keys as the package takes them; RAW: one key as it is; PUBLIC: an Ed25519 key in base64.

import { createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";
import { HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";

const secrets = JSON.parse(process.env.SECRETS).map((secret) => new Webhook(secret));
const raw = new Webhook(process.env.RAW, { format: "raw" });
// DER of a SubjectPublicKeyInfo before the key itself (RFC 8410).
const prefix = Buffer.from("302a300506032b6570032100", "hex");
const publicKey = createPublicKey({
  key: Buffer.concat([prefix, Buffer.from(process.env.PUBLIC, "base64")]),
  format: "der",
  type: "spki",
});

const verifies = (webhook, body, headers) => {
  try {
    webhook.verify(body, headers);
    return true;
  } catch {
    return false;
  }
};

// The published package knows no asymmetric signatures.
const verifiesEd25519 = (body, headers) => {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  return headers["webhook-signature"]
    .split(" ")
    .filter((signature) => signature.startsWith("v1a,"))
    .some((signature) => verify(null, Buffer.from(signed), publicKey, Buffer.from(signature.slice(4), "base64")));
};

// Parsed and judged by the rules of the specification, which throw.
const cloudEvents = (body, headers) => {
  const message = { headers, body };
  if (!HTTP.isEvent(message)) {
    return null;
  }
  const events = [HTTP.toEvent(message)].flat();
  events.forEach((event) => event.validate());
  return events.map((event) => event.toJSON());
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { headers } = request;
    const body = Buffer.concat(chunks).toString();
    const told = {
      secrets: secrets.map((webhook) => verifies(webhook, body, headers)),
      raw: verifies(raw, body, headers),
      public: verifiesEd25519(body, headers),
      changed: verifies(raw, `${body} `, headers) || verifiesEd25519(`${body} `, headers),
      elements: JSON.parse(body).message?.events.length ?? null,
      events: cloudEvents(body, headers),
    };
    console.log(JSON.stringify(told));
    response.writeHead(204).end();
  });
});
server.listen(0, "127.0.0.1", () => console.error(`listening on ${server.address().port}`));
