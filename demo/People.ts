/** Contacts as they come off business cards: of many languages, and not all complete. */
const firstNames = [
  "Ada",
  "Grace",
  "Alan",
  "Edsger",
  "Barbara",
  "Donald",
  "Margaret",
  "Tim",
  "Radia",
  "Ken",
  "يوسف",
  "Zoë"
]
const lastNames = [
  "Lovelace",
  "Hopper",
  "Turing",
  "Dijkstra",
  "Liskov",
  "Knuth",
  "Hamilton",
  "",
  "Perlman",
  "Thompson",
  "الخوارزمي",
  "Nuñez-García"
]
const companies = [
  "Analytical Engines Ltd",
  "Harbour & Sons",
  "Бюро машин",
  "株式会社サンプル",
  "",
  "A company with a name that is longer than most people would believe possible GmbH"
]
const titles = ["Engineer", "Head of Sales", "Founder", "", "Ingénieure", "Analyst"]

/**
 * So many contacts as a CSV file that `POST /contacts/import` takes. Every twelfth has no last name. Those with another
 * `first` number are other people.
 */
export const peopleCsv = (count: number, first = 0): string => {
  const rows = Array.from({ length: count }, (_, index) => {
    const n = first + index
    const pick = (from: ReadonlyArray<string>) => from[n % from.length] ?? ""
    return [
      pick(firstNames),
      pick(lastNames),
      `contact.${n}@example.com`,
      `+44 20 7946 ${String(n).padStart(4, "0")}`,
      pick(companies),
      pick(titles),
      n % 5 === 0 ? "vip" : ""
    ]
      .map((cell) => `"${cell}"`)
      .join(",")
  })
  return ["firstName,lastName,email,phone,company,jobTitle,tags", ...rows].join("\r\n")
}
