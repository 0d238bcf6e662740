// The link to the section that is being read.
const links = new Map(all("nav a").map((link) => [link.getAttribute("href").slice(1), link]));
const reading = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) {
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  }
}, { rootMargin: "-20% 0px -75% 0px" });
for (const section of all("main > section")) reading.observe(section);
