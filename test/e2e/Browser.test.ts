/** Connecting providers in a real Chromium, with the service, the emulated providers and a front end on three origins. */
import { assert, layer } from "@effect/vitest"
import { BrowserStage, scene } from "../support/BrowserStage.ts"
import { allConnected, answer, begin, connected, fetchIn, shown, signIn } from "../support/Visiting.ts"

/** Zoho's answers name no scopes, and its users can't untick any. */
const providers = {
  GOOGLE_DRIVE: { name: "Google Drive", required: "https://www.googleapis.com/auth/drive.file" },
  DROPBOX: { name: "Dropbox", required: "files.content.write" },
  HUBSPOT: { name: "HubSpot", required: "crm.objects.contacts.write" },
  SALESFORCE: { name: "Salesforce", required: "api" },
  ZOHO: { name: "Zoho CRM", required: null }
}

layer(BrowserStage.layer, { excludeTestServices: true, timeout: "60 seconds" })("In a browser", (it) => {
  for (const [provider, { name, required }] of Object.entries(providers)) {
    it.effect(
      `${name} is connected by a click and consent, and its grant ends with a disconnect`,
      scene(async ({ stage, user, page }) => {
        const { emulator, server } = stage.emulated(provider)
        await signIn(page, stage.home, user.id)
        assert.deepStrictEqual(await allConnected(page), [])
        assert.strictEqual(new URL(await begin(page, name)).origin, server.url)
        const back = await answer(page, "Allow")
        assert.deepInclude(back, { provider, outcome: "connected", "the service says": "connected" })
        assert.match(back.message ?? "", new RegExp(`^${name} is connected \\(.+\\)$`))
        const { origin, pathname, searchParams } = new URL(page.url())
        assert.strictEqual(origin + pathname, stage.home)
        assert.sameMembers(Array.from(searchParams.keys()), ["provider", "outcome", "attempt", "message"])
        assert.strictEqual(await connected(page, name).locator(".status").textContent(), "ACTIVE")

        const last = server.requests.findLast(({ headers }) => headers.authorization !== undefined)
        const [, accessToken = ""] = last?.headers.authorization?.split(" ") ?? []
        assert.isArray(emulator.oauth?.scopesOf(accessToken, Date.now()))
        const revocations = emulator.revocations()
        await connected(page, name).getByRole("button", { name: "Disconnect" }).click()
        await connected(page, name).waitFor({ state: "detached" })
        assert.strictEqual(await page.getByRole("alert").textContent(), `${name} is disconnected`)
        assert.strictEqual(emulator.revocations(), revocations + 1)
        assert.isUndefined(emulator.oauth?.scopesOf(accessToken, Date.now()), "nobody has access with it any more")
      })
    )

    if (required === null) continue
    it.effect(
      `${name} without what is needed is not connected, and the page says what that is`,
      scene(async ({ stage, user, page }) => {
        await signIn(page, stage.home, user.id)
        await begin(page, name)
        await page.getByRole("checkbox", { name: required, exact: true }).uncheck()
        const back = await answer(page, "Allow")
        assert.deepInclude(back, {
          outcome: "missing_scope",
          "the service says": "missing_scope",
          message: `${name} was not allowed all that is needed, so it was not connected. Begin again, and leave this ticked: ${required}`
        })
        assert.deepStrictEqual(await allConnected(page), [])
      })
    )
  }

  for (const provider of ["GOOGLE_DRIVE", "DROPBOX"] as const) {
    const { name } = providers[provider]
    it.effect(
      `contacts are exported to ${name}`,
      scene(async ({ stage, user, page }) => {
        await signIn(page, stage.home, user.id)
        const contact = { email: `${user.id}@example.com`, firstName: "Zoë" }
        assert.strictEqual(
          (await fetchIn(page, "POST", `${stage.api}/contacts`, { token: user.token, body: contact })).status,
          201
        )
        await begin(page, name)
        await answer(page, "Allow")
        await connected(page, name).getByRole("button", { name: "Export" }).click()
        await page.getByRole("alert").waitFor()
        const said = (await page.getByRole("alert").textContent()) ?? ""
        const [, file] = /^(contacts-export-\w+\.csv) is in (?:Google Drive|Dropbox) now$/.exec(said) ?? []
        const stored = stage
          .emulated(provider)
          .emulator.files?.all()
          .find((one) => one.name === file)
        assert.include(stored?.text, `${user.id}@example.com`, said)
        assert.include(stored?.text, "Zoë")
        await connected(page, name).getByRole("button", { name: "Disconnect" }).click()
        await connected(page, name).waitFor({ state: "detached" })
      })
    )
  }

  it.effect(
    "who denies comes back with nothing connected, and can begin again",
    scene(async ({ stage, user, page }) => {
      const { exchanges } = stage.emulated("HUBSPOT").emulator.oauth?.counts() ?? {}
      await signIn(page, stage.home, user.id)
      await begin(page, "HubSpot")
      assert.deepInclude(await answer(page, "Deny"), { outcome: "denied", "the service says": "denied" })
      assert.include(await page.getByRole("status").textContent(), "You did not allow the access to HubSpot")
      assert.deepStrictEqual(await allConnected(page), [])
      assert.strictEqual(stage.emulated("HUBSPOT").emulator.oauth?.counts().exchanges, exchanges)
      await begin(page, "HubSpot")
      assert.deepInclude(await answer(page, "Allow"), { outcome: "connected" })
    })
  )

  it.effect(
    "the way back is good once: opened a second time it says so, and the connection stays",
    scene(async ({ stage, user, page, context }) => {
      const ways: Array<string> = []
      context.on("request", (request) => {
        if (request.url().includes("/callback?")) ways.push(request.url())
      })
      await signIn(page, stage.home, user.id)
      await begin(page, "Dropbox")
      await answer(page, "Allow")
      const [way = ""] = ways
      await page.goto(way)
      // The attempt ended well, whatever the address says.
      assert.deepInclude(await shown(page), { outcome: "used", "the service says": "connected" })
      assert.include(await page.getByRole("status").textContent(), "has been answered before")
      assert.deepStrictEqual(await allConnected(page), ["Dropbox"])
    })
  )

  it.effect(
    "the way back of one browser is of no use in another, and is not used up by it",
    scene(async ({ stage, user, other, page, elsewhere }) => {
      await signIn(page, stage.home, user.id)
      const there = await begin(page, "HubSpot")
      const way = stage.emulated("HUBSPOT").emulator.oauth?.consent(there) ?? ""
      const victim = await elsewhere.newPage()
      await signIn(victim, stage.home, other.id)
      await victim.goto(way)
      assert.deepInclude(await shown(victim), {
        outcome: "wrong_browser",
        "the service says": "not an attempt of this user"
      })
      assert.deepStrictEqual(await allConnected(victim), [])
      await page.goto(way)
      assert.deepInclude(await shown(page), { outcome: "connected" })
    })
  )

  it.effect(
    "who signs in as somebody else meanwhile does not get the connection",
    scene(async ({ stage, user, other, page, context }) => {
      await signIn(page, stage.home, user.id)
      await begin(page, "Zoho CRM")
      const tab = await context.newPage()
      await signIn(tab, stage.home, other.id)
      assert.strictEqual((await fetchIn(tab, "POST", `${stage.api}/session`, { token: other.token })).status, 200)
      const back = await answer(page, "Allow")
      assert.strictEqual(back.outcome, "wrong_user")
      assert.include(back.message, "begun by another user than the one who is signed in now")
      assert.deepStrictEqual(await allConnected(page), [])
      await signIn(page, stage.home, user.id)
      assert.deepStrictEqual(await allConnected(page), [])
    })
  )

  it.effect(
    "two tabs are on their way at once, and both arrive",
    scene(async ({ stage, user, page, context }) => {
      const tab = await context.newPage()
      await signIn(page, stage.home, user.id)
      await signIn(tab, stage.home, user.id)
      await Promise.all([begin(page, "Dropbox"), begin(tab, "Salesforce")])
      assert.deepInclude(await answer(page, "Allow"), { provider: "DROPBOX", outcome: "connected" })
      assert.deepInclude(await answer(tab, "Allow"), { provider: "SALESFORCE", outcome: "connected" })
      assert.deepStrictEqual(await allConnected(tab), ["Dropbox", "Salesforce"])
    })
  )

  it.effect(
    "two tabs for one provider both arrive",
    scene(async ({ stage, user, page, context }) => {
      const tab = await context.newPage()
      await signIn(page, stage.home, user.id)
      await signIn(tab, stage.home, user.id)
      await begin(page, "HubSpot")
      await begin(tab, "HubSpot")
      assert.deepInclude(await answer(page, "Allow"), { outcome: "connected" })
      assert.deepInclude(await answer(tab, "Allow"), { outcome: "connected" })
      assert.deepStrictEqual(await allConnected(tab), ["HubSpot"])
    })
  )

  it.effect(
    "who goes back to the provider's page and consents again is told that it was answered",
    scene(async ({ stage, user, page }) => {
      await signIn(page, stage.home, user.id)
      await begin(page, "Salesforce")
      await answer(page, "Allow")
      await page.goBack()
      await page.getByRole("button", { name: "Allow" }).waitFor()
      assert.deepInclude(await answer(page, "Allow"), { outcome: "used", "the service says": "connected" })
      assert.deepStrictEqual(await allConnected(page), ["Salesforce"])
    })
  )
})
