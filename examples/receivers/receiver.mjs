// A receiver of notifications. Run: SIGNATURE_KEY=secret node receiver.mjs
import { createServer } from 'node:http';
import { createHmac, timingSafeEqual } from 'node:crypto';

const key = process.env.SIGNATURE_KEY;
if (!key) throw new Error('set SIGNATURE_KEY to event.notification.signature.key');
const seen = new Set(); // keep it where your data is, so that it outlives the process

function signed(body, header) {
  const expected = Buffer.from('sha256=' + createHmac('sha256', key).update(body).digest('base64'));
  const given = Buffer.from(header ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks); // the raw bytes: parsed and printed again they would not match
  if (!signed(body, request.headers['elements-webhook-signature'])) return response.writeHead(401).end();
  const { message } = JSON.parse(body);
  const ids = request.headers['pollinator-event-ids'].split(',');
  message.events.forEach((event, index) => {
    if (seen.has(ids[index])) return; // a repeat
    console.log(`${ids[index]} ${event.eventType} ${event.objectType} ${event.objectId}`);
    seen.add(ids[index]);
  });
  response.writeHead(204).end();
});

server.listen(process.env.PORT ?? 8080, () => console.error(`listening on ${server.address().port}`));
