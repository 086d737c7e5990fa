"""Requests as real clients shape them, made after captures: heads, ids, and what they resend."""

import json

from .wire import call

MARK = {"type": "ephemeral"}
REMINDER = "<system-reminder>\nAs you answer, you can use the following context:\n# claudeMd\n…\n</system-reminder>\n"
UUID = "2f1e0d9c-8b7a-4655-9443-{:012x}"


def dump(body):
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class ClaudeCode:
    """Its newest message is a list with a cache mark; the next time it is a plain text."""

    target = "/v1/messages?beta=true"

    def __init__(self, number):
        self.session = UUID.format(number)
        self.history = []

    def headers(self, key):
        return [
            ("Authorization", f"Bearer {key}"),
            ("Content-Type", "application/json"),
            ("User-Agent", "claude-cli/2.1.197 (external, sdk-cli)"),
            ("X-Claude-Code-Session-Id", self.session),
            ("x-app", "cli"),
            ("anthropic-version", "2023-06-01"),
            ("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14"),
        ]

    def body(self, text, stream=True):
        ids = {"device_id": "d", "account_uuid": "", "session_id": self.session}
        first = {"type": "text", "text": REMINDER}
        last = {"type": "text", "text": text, "cache_control": MARK}
        content = [last] if self.history else [first, last]
        return {
            "model": "m",
            "messages": [*self.history, {"role": "user", "content": content}],
            "system": [
                {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197.d01; cc_entrypoint=sdk-cli;"},
                {"type": "text", "text": "You are a Claude agent, built on Anthropic's Claude Agent SDK.", "cache_control": MARK},
                {"type": "text", "text": "Be careful with “quotes” and \\ in paths.", "cache_control": MARK},
            ],
            "tools": [{"name": "Bash", "description": "Runs it.", "input_schema": {"type": "object", "properties": {}}}],
            "metadata": {"user_id": json.dumps(ids)},
            "max_tokens": 32000,
            "thinking": {"type": "adaptive"},
            "stream": stream,
        }

    def heard(self, text, reply):
        content = text if self.history else [{"type": "text", "text": REMINDER}, {"type": "text", "text": text}]
        said = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": reply}]
        self.history += [{"role": "user", "content": content}, {"role": "assistant", "content": said}]


class Codex:
    target = "/v1/responses"

    def __init__(self, number):
        self.session = UUID.format(number)
        self.history = []

    def headers(self, key):
        return [
            ("Authorization", f"Bearer {key}"),
            ("Content-Type", "application/json"),
            ("User-Agent", "codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)"),
            ("originator", "codex_exec"),
            ("session-id", self.session),
            ("thread-id", self.session),
            ("x-client-request-id", self.session),
        ]

    @staticmethod
    def message(role, kind, text):
        return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}

    def body(self, text, stream=True):
        return {
            "model": "m",
            "instructions": "You are Codex, a coding agent.",
            "input": [
                self.message("developer", "input_text", "<permissions instructions>…</permissions instructions>"),
                *self.history,
                self.message("user", "input_text", text),
            ],
            "tools": [{"type": "function", "name": "shell", "strict": False, "parameters": {"type": "object"}}],
            "tool_choice": "auto",
            "parallel_tool_calls": False,
            "reasoning": {"effort": "medium"},
            "store": False,
            "stream": stream,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": self.session,
            "client_metadata": {"session_id": self.session},
        }

    def heard(self, text, reply):
        reasoning = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
        self.history += [
            self.message("user", "input_text", text),
            reasoning,
            self.message("assistant", "output_text", reply),
        ]


class Opencode:
    target = "/v1/chat/completions"

    def __init__(self, number):
        self.session = f"ses_{number:026x}"
        self.history = []

    def headers(self, key):
        return [
            ("Authorization", f"Bearer {key}"),
            ("Content-Type", "application/json"),
            ("User-Agent", "opencode/1.18.33 ai-sdk/provider-utils/4.0.23 runtime/bun/1.3.14"),
            ("x-session-id", self.session),
            ("x-session-affinity", self.session),
        ]

    def body(self, text, stream=True):
        return {
            "model": "m",
            "max_tokens": 32000,
            "messages": [
                {"role": "system", "content": "You are opencode, an agent.\n<env>…</env>"},
                *self.history,
                {"role": "user", "content": text},
            ],
            "tools": [{"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}],
            "tool_choice": "auto",
            "stream": stream,
            "stream_options": {"include_usage": True},
        }

    def heard(self, text, reply):
        self.history += [{"role": "user", "content": text}, {"role": "assistant", "content": reply}]

    def title(self, text):
        """What it asks beside the first message, in the same session."""
        system = "You are a title generator. You output ONLY a thread title. Nothing else.\n\n<task>…</task>"
        messages = [
            {"role": "system", "content": system},
            {"role": "user", "content": "Generate a title for this conversation:\n"},
            {"role": "user", "content": text},
        ]
        return {"model": "m", "messages": messages, "stream": True}


class OpenWebUi(Opencode):
    """User and chat come in headers, if its operator wants them to."""

    def __init__(self, number):
        self.session = UUID.format(number)
        self.history = []

    def headers(self, key):
        return [
            ("Authorization", f"Bearer {key}"),
            ("Content-Type", "application/json"),
            ("User-Agent", "Python/3.11 aiohttp/3.14.5"),
            ("X-OpenWebUI-User-Id", "owui-user"),
            ("X-OpenWebUI-User-Name", "Anna%20M%C3%BCller"),
            ("X-OpenWebUI-Chat-Id", self.session),
            ("X-OpenWebUI-Message-Id", UUID.format(99)),
        ]

    def body(self, text, stream=True):
        system = {"role": "system", "content": "You are helpful."}
        return {"stream": stream, "model": "m", "messages": [system, *self.history, {"role": "user", "content": text}]}

    def title(self, text):
        chat = f"<chat_history>\nUSER: {text}\nASSISTANT: I see.\n</chat_history>"
        task = "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n…\n### Chat History:\n"
        return {"model": "m", "messages": [{"role": "user", "content": task + chat}], "stream": False}


CLIENTS = [ClaudeCode, Codex, Opencode, OpenWebUi]


def send(server, client, body, key="sk-one"):
    return call(server.port, "POST", client.target, client.headers(key), dump(body))
