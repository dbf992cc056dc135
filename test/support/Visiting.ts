/** What people do with the front end of the demo, and with the pages that it sends them to. */
import type { Page } from "playwright-core"

const region = (page: Page, name: string) => page.getByRole("region", { name })

/** Signs in at the front end, and waits for what there is to connect. */
export const signIn = async (page: Page, home: string, userId: string) => {
  await page.goto(home)
  await page.getByRole("button", { name: userId, exact: true }).click()
  await region(page, "Connect in the browser").getByRole("listitem").first().waitFor()
}

/** A provider among those that are connected. */
export const connected = (page: Page, name: string) =>
  region(page, "Connected").getByRole("listitem", { name, exact: true })

/** The names of all that are connected. */
export const allConnected = async (page: Page) => {
  const rows = await region(page, "Connected").getByRole("listitem").all()
  return Promise.all(rows.map((row) => row.getAttribute("aria-label")))
}

/** Clicks on the button that connects a provider; gives the address of the provider's page. */
export const begin = async (page: Page, name: string) => {
  await region(page, "Connect in the browser").getByRole("listitem", { name, exact: true }).getByRole("button").click()
  await page.getByRole("button", { name: "Allow" }).waitFor()
  return page.url()
}

/** Answers the provider's page; gives what the front end shows then. */
export const answer = async (page: Page, label: "Allow" | "Deny") => {
  await page.getByRole("button", { name: label }).click()
  return shown(page)
}

/** What the front end shows of the way back: the query, and what the service says of it. */
export const shown = async (page: Page): Promise<Readonly<Record<string, string>>> => {
  const status = page.getByRole("status")
  await status.waitFor()
  const names = await status.locator("dt").allTextContents()
  const texts = await status.locator("dd").allTextContents()
  return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? ""]))
}

/** Follows a link of the page that it is at. */
export const follow = (page: Page, url: string) => page.evaluate(`location.assign(${JSON.stringify(url)})`)

/** What a script of the page that it is at asks, with the cookies of the service. */
export const fetchIn = (
  page: Page,
  method: string,
  url: string,
  { token = "", body }: { token?: string; body?: object } = {}
) =>
  page.evaluate(
    async ({ method, url, token, body }) => {
      const response = await fetch(url, {
        method,
        credentials: "include",
        headers: {
          ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" })
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      // biome-ignore lint/suspicious/noExplicitAny: tests look into it, and fail where it is something else
      const json: any = await response.json()
      return { status: response.status, json }
    },
    { method, url, token, body }
  )
