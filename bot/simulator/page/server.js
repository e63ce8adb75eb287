// The line to the simulator: controls as JSON, the state as server-sent events.
export async function ask(path, body) {
  const response = await fetch(`/sim/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// EventSource comes back by itself while a server restarts, but gives up on some answers: then we open it anew.
export function listen({ all, some, connected }) {
  const source = new EventSource("/sim/events");
  source.addEventListener("all", (event) => {
    connected(true);
    all(JSON.parse(event.data));
  });
  source.addEventListener("some", (event) => some(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    connected(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen({ all, some, connected }), 1000);
  });
}
