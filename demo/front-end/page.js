/** The page of a product: all that it knows of integrations it asks the service, with the token of its user. */

/** An element with attributes and children; a text becomes no markup. */
const make = (tag, attributes, ...children) => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

const at = (id) => document.getElementById(id)

const { api, users, user, token } = await (await fetch("/me")).json()

/** Asks the service. What it says when it refuses is meant to be read. */
const ask = async (method, path, { body, ...options } = {}) => {
  const response = await fetch(api + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
    ...options
  })
  const answer = await response.json()
  if (response.ok) return answer
  throw new Error(answer.detail ?? answer.title)
}

const say = (text, isWrong = false) => {
  at("notice").textContent = text
  at("notice").className = isWrong ? "wrong" : "good"
  at("notice").hidden = false
}

const button = (label, act) => {
  const element = make("button", { type: "button" }, label)
  element.addEventListener("click", async () => {
    element.disabled = true
    at("notice").hidden = true
    at("back").hidden = true
    try {
      await act()
    } catch (error) {
      say(error.message, true)
    }
    element.disabled = false
  })
  return element
}

/** The answer sets the cookie that only this browser has, and therefore has to be allowed to. */
const connect = async ({ oauth }) => {
  const returnUrl = location.origin + location.pathname
  const { url } = await ask("POST", oauth.authorizeUrl, { body: { returnUrl }, credentials: "include" })
  location.assign(url)
}

const exportContacts = async ({ provider, name }) => {
  const { file, message } = await ask("POST", `/integrations/${provider}/export`)
  await show()
  say(file === null ? message : `${file.name} is in ${name} now`)
}

const disconnect = async ({ provider, name }) => {
  await ask("DELETE", `/integrations/${provider}`)
  await show()
  say(`${name} is disconnected`)
}

const row = ({ name, logo }, details, buttons) => {
  const sign = make("span", { class: "logo", "aria-hidden": "true" }, logo.monogram)
  sign.style.setProperty("--color", logo.color)
  return make("li", { "aria-label": name }, sign, make("div", {}, make("strong", {}, name), ...details), ...buttons)
}

const integrationRow = (integration, provider) => {
  const { status, accountLabel, lastError } = integration
  const details = [make("span", { class: `status ${status}` }, status)]
  if (accountLabel !== null) details.push(make("small", {}, accountLabel))
  if (lastError !== null) details.push(make("small", { class: "trouble" }, lastError))
  return row(provider, details, [
    ...(provider.capabilities.includes("files") ? [button("Export", () => exportContacts(integration))] : []),
    button("Disconnect", () => disconnect(integration))
  ])
}

const providerRow = (provider) => {
  const { description, oauth, isConnected } = provider
  if (!oauth.isConfigured) {
    return row(provider, [make("small", {}, `To be set up first: ${oauth.missing.join(", ")}`)], [])
  }
  const label = isConnected ? "Connect again" : "Connect in the browser"
  return row(provider, [make("small", {}, description)], [button(label, () => connect(provider))])
}

const show = async () => {
  const [providers, integrations] = await Promise.all([
    ask("GET", "/integrations/providers"),
    ask("GET", "/integrations")
  ])
  const byId = new Map(providers.map((provider) => [provider.id, provider]))
  at("integrations").replaceChildren(
    ...integrations.map((integration) => integrationRow(integration, byId.get(integration.provider)))
  )
  for (const section of document.querySelectorAll("section[aria-labelledby]")) section.hidden = false
  at("providers").replaceChildren(...providers.filter(({ oauth }) => oauth !== null).map(providerRow))
}

/** What the browser came back with. Anybody can write a query, so the service is asked what became of it. */
const showBack = async () => {
  const query = Object.fromEntries(new URLSearchParams(location.search))
  if (query.outcome === undefined) return
  const told =
    query.attempt && (await ask("GET", `/integrations/oauth/attempts/${query.attempt}`).catch(() => undefined))
  const shown = { ...query, "the service says": told?.outcome ?? "not an attempt of this user" }
  at("back").className = told?.outcome === "connected" ? "good" : "wrong"
  at("back").replaceChildren(
    make("p", {}, query.message ?? ""),
    make("dl", {}, ...Object.entries(shown).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]))
  )
  at("back").hidden = false
}

const signIn = document.querySelector("header form")
for (const name of users) {
  const pressed = String(name === user)
  signIn.append(make("button", { name: "user", value: name, "aria-pressed": pressed }, name))
}

if (token === null) say("Sign in: choose one of the users above")
else {
  await show()
  await showBack()
}
