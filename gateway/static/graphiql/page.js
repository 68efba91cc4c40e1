/* Mounts GraphiQL on the gateway's own /graphql, as the person who is signed in.
 *
 * With ?query=… in the address, that query is what it starts with.
 *
 * The session travels in a cookie. The JSON content type together with X-Gatepost-Client is what
 * tells the gateway that the request comes from a page of ours and not from another site.
 */
"use strict";

const SAME_SITE_REQUEST = {
  method: "POST",
  credentials: "same-origin",
  headers: {
    Accept: "application/graphql-response+json, application/json",
    "Content-Type": "application/json",
    "X-Gatepost-Client": "graphiql",
  },
};

const DEFAULT_QUERY = `# This runs as you, with your permissions.
# Ctrl-Space lists fields, Ctrl-Enter runs it.
# What you may not see comes back as null,
# with the reason under "errors".

query WhoAmI {
  viewer {
    name
    email
    organization {
      name
    }
  }
}
`;

async function post(path, body) {
  const response = await fetch(path, { ...SAME_SITE_REQUEST, body: JSON.stringify(body) });
  return response.status === 204 ? null : response.json();
}

function nameOf(viewer) {
  const person = viewer.name ? `${viewer.name} (${viewer.email})` : viewer.email;
  return viewer.organization ? `${person} at ${viewer.organization.name}` : person;
}

async function showViewer() {
  const status = document.getElementById("viewer");
  try {
    const { data } = await post("/graphql", {
      query: "query { viewer { name email organization { name } } }",
    });
    const viewer = data?.viewer;
    status.textContent = viewer ? `Signed in as ${nameOf(viewer)}` : "Not signed in";
    document.getElementById("sign-out").hidden = !viewer;
  } catch {
    status.textContent = "The gateway did not answer; reload the page to try again";
  }
}

/** Queries and their history stay in the browser; the next person here must not find them. */
function forgetQueries() {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith("graphiql:")) localStorage.removeItem(key);
  }
}

async function signOut() {
  const response = await fetch("/auth/logout", { ...SAME_SITE_REQUEST, body: "{}" });
  if (!response.ok) {
    document.getElementById("viewer").textContent = "Signing out failed; try again";
    return;
  }
  root.unmount();
  forgetQueries();
  window.location.assign("/");
}

const givenQuery = new URLSearchParams(window.location.search).get("query");

const root = ReactDOM.createRoot(document.getElementById("graphiql"));
root.render(
  React.createElement(GraphiQL, {
    fetcher: (params) => post("/graphql", params),
    defaultQuery: DEFAULT_QUERY,
    query: givenQuery ?? undefined,
    isHeadersEditorEnabled: false,
    showPersistHeadersSettings: false,
  }),
);

document.getElementById("sign-out").addEventListener("click", signOut);
showViewer();
