for (const record of document.querySelectorAll(".record")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy the record");
  button.addEventListener("click", async () => {
    const text = record.querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(record.querySelector("pre"));
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  record.append(button);
}
addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("article details, .tree details")) { d.open = true; } });
