/** Sessions of a real Chromium, its cookies, and the pages that the service itself shows it. */
import { assert, layer } from "@effect/vitest"
import { BrowserStage, scene } from "../support/BrowserStage.ts"
import { allConnected, answer, begin, fetchIn, follow, shown, signIn } from "../support/Visiting.ts"

const authorize = (api: string, returnUrl?: string) =>
  `${api}/integrations/oauth/google/authorize${returnUrl === undefined ? "" : `?returnUrl=${encodeURIComponent(returnUrl)}`}`

layer(BrowserStage.layer, { excludeTestServices: true, timeout: "60 seconds" })(
  "Sessions and pages in a browser",
  (it) => {
    it.effect(
      "a session stands for the token where a link leads to the provider",
      scene(async ({ stage, user, page }) => {
        await signIn(page, stage.home, user.id)
        const started = await fetchIn(page, "POST", `${stage.api}/session`, { token: user.token })
        assert.deepInclude(started.json, { userId: user.id, scopes: [] })
        assert.deepStrictEqual(await fetchIn(page, "GET", `${stage.api}/session`), started)
        await follow(page, authorize(stage.api, stage.home))
        assert.deepInclude(await answer(page, "Allow"), { outcome: "connected", "the service says": "connected" })
        assert.deepStrictEqual(await allConnected(page), ["Google Drive"])
      })
    )

    it.effect(
      "a session ends when the user signs out, and the next page says what to do",
      scene(async ({ stage, user, page, context }) => {
        await signIn(page, stage.home, user.id)
        await fetchIn(page, "POST", `${stage.api}/session`, { token: user.token })
        await begin(page, "Google Drive")
        await page.goto(stage.home)
        assert.strictEqual((await fetchIn(page, "DELETE", `${stage.api}/session`, { token: user.token })).status, 200)
        const left = (await context.cookies(stage.api)).filter(({ name }) => name.startsWith("nexus-"))
        assert.deepStrictEqual(left, [])
        assert.strictEqual((await fetchIn(page, "GET", `${stage.api}/session`)).status, 401)
        await follow(page, authorize(stage.api, stage.home))
        await page.getByRole("heading", { name: "Nothing was connected" }).waitFor()
        assert.include(
          await page.locator("main").textContent(),
          "You are not signed in here. Sign in with this browser"
        )
      })
    )

    it.effect(
      "a session lets no page of another origin change anything",
      scene(async ({ stage, user, page }) => {
        await signIn(page, stage.home, user.id)
        await fetchIn(page, "POST", `${stage.api}/session`, { token: user.token })
        const contact = { email: "forged@example.com" }
        const forged = await fetchIn(page, "POST", `${stage.api}/contacts`, { body: contact })
        assert.strictEqual(forged.status, 403)
        assert.include(forged.json.detail, "comes from another origin")
        assert.strictEqual((await fetchIn(page, "DELETE", `${stage.api}/session`)).status, 403)
        assert.strictEqual((await fetchIn(page, "GET", `${stage.api}/session`)).status, 200, "it is signed in still")
        // A form needs no permission to be sent, and its answer is a page.
        await page.evaluate(`{
        const form = document.createElement("form")
        form.method = "post"
        form.action = "${stage.api}/integrations/GOOGLE_DRIVE/export"
        document.body.append(form)
        form.submit()
      }`)
        await page.waitForURL(`${stage.api}/**`)
        assert.include(await page.locator("body").textContent(), "comes from another origin")
      })
    )

    it.effect(
      "cookies are of a kind that scripts can't read and other sites can't send",
      scene(async ({ stage, user, page, context }) => {
        await signIn(page, stage.home, user.id)
        await fetchIn(page, "POST", `${stage.api}/session`, { token: user.token })
        await begin(page, "Google Drive")
        const cookies = (await context.cookies(stage.api)).filter(({ name }) => name.startsWith("nexus-"))
        const attributes = { domain: "localhost", path: "/", httpOnly: true, secure: false, sameSite: "Lax" } as const
        assert.sameMembers(
          cookies.map(({ name }) => name.replace(/\..*/, "")),
          ["nexus-session", "nexus-oauth"]
        )
        for (const cookie of cookies) assert.deepInclude(cookie, attributes)
        const now = Date.now() / 1000
        const minutes = Object.fromEntries(
          cookies.map(({ name, expires }) => [name.replace(/\..*/, ""), Math.round((expires - now) / 60)])
        )
        assert.deepStrictEqual(minutes, { "nexus-oauth": 10, "nexus-session": 12 * 60 })
        await page.goto(stage.home)
        assert.strictEqual(await page.evaluate("document.cookie"), "")
      })
    )

    it.effect(
      "nobody is sent back to an address that is not allowed",
      scene(async ({ stage, user, page }) => {
        await signIn(page, stage.home, user.id)
        await fetchIn(page, "POST", `${stage.api}/session`, { token: user.token })
        for (const returnUrl of [`${stage.home}/`, "https://evil.example/", `${stage.home}@evil.example`]) {
          const { status, json } = await fetchIn(page, "POST", authorize(stage.api), {
            token: user.token,
            body: { returnUrl }
          })
          assert.deepStrictEqual([status, json.errors[0].path], [400, "returnUrl"], returnUrl)
          await follow(page, authorize(stage.api, returnUrl))
          await page.getByRole("heading", { name: "Nothing was connected" }).waitFor()
          assert.strictEqual(new URL(page.url()).origin, stage.api)
          assert.include(await page.locator("main").textContent(), "Expected one of the URLs in RETURN_URLS")
          await page.goto(stage.home)
        }
      })
    )

    it.effect(
      "without an address to go back to, the service shows a page of its own, and nothing that it was sent",
      scene(async ({ stage, user, page, context }) => {
        await signIn(page, stage.home, user.id)
        const { json } = await fetchIn(page, "POST", authorize(stage.api), { token: user.token, body: {} })
        await follow(page, json.url)
        await page.getByRole("button", { name: "Allow" }).click()
        await page.getByRole("heading", { name: "Connected", exact: true }).waitFor()
        assert.match(
          (await page.getByRole("paragraph").textContent()) ?? "",
          /^Google Drive is connected \(.+@example\.com\)\. You can close this page\.$/
        )
        assert.strictEqual(await page.title(), "Connected")

        const dialogs: Array<string> = []
        context.on("dialog", async (dialog) => {
          dialogs.push(dialog.message())
          await dialog.dismiss()
        })
        const markup = encodeURIComponent('"><script>alert(1)</script><img src=x onerror=alert(2)>')
        await page.goto(
          `${stage.api}/integrations/oauth/google/callback?state=${markup}&error=${markup}&error_description=${markup}`
        )
        await page.getByRole("heading", { name: "Not connected" }).waitFor()
        assert.include(await page.getByRole("paragraph").textContent(), "This sign-in is not known here")
        assert.notInclude(await page.content(), "alert")
        assert.deepStrictEqual(dialogs, [])
      })
    )

    it.effect(
      "a forged query talks the front end into nothing",
      scene(async ({ stage, user, page }) => {
        await signIn(page, stage.home, user.id)
        const markup = "<img src=x onerror=alert(1)>"
        const forged = new URLSearchParams({ outcome: "connected", provider: "DROPBOX", message: markup, attempt: "1" })
        await page.goto(`${stage.home}?${forged}`)
        assert.deepInclude(await shown(page), { message: markup, "the service says": "not an attempt of this user" })
        assert.strictEqual(await page.getByRole("status").getAttribute("class"), "wrong")
        assert.deepStrictEqual(await allConnected(page), [])
      })
    )
  }
)
