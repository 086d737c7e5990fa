// chat.mjs - one chat with openai-node: what to ask comes as JSON on standard input, what
// came back goes as a JSON list of chunks to standard output.
// The environment has OPENAI_BASE_URL and OPENAI_API_KEY.
import OpenAI from "openai";

async function readAll(stream) {
  let text = "";
  for await (const piece of stream) text += piece;
  return text;
}

const { extra_body: extra, ...asked } = JSON.parse(await readAll(process.stdin));
const client = new OpenAI({ maxRetries: 0, timeout: 60_000 });

// openai-node has no extra_body: unknown fields stand among the others.
const reply = await client.chat.completions.create({ ...asked, ...extra });
const chunks = [];
if (asked.stream) for await (const chunk of reply) chunks.push(chunk);
else chunks.push(reply);
process.stdout.write(JSON.stringify(chunks));
