package score

// About says how the score comes about, in paragraphs.
const About = `A message begins with ten points. Every rule that finds something costs what the table says, by its gravest finding; several findings of one rule cost once. A fault costs once, too: where a cause is counted, its consequences cost nothing, so that a broken signature is not counted again where DMARC fails for it. Faults of one kind together cost no more than their group's limit, and the score does not fall below nothing. What could not be told costs nothing: the score is then "at most" so much, and says what was not counted.

Authentication weighs most, as it does with receivers: by it alone a message is refused. Small things about the text weigh little.

It is our opinion in figures. No receiver counts so, and a good score is no promise: what a receiver remembers of the sender no message shows. Whether one would refuse the message by its published rules --policy tells.

It differs from the score of mail-tester.com, which is made of ten points too: that one takes off what SpamAssassin makes of the message, and looks for the sender on blocklists. Here a filter is asked only if it is named (--spamd, --rspamd), and its points stand beside the score and are not taken off: they depend on how the filter is set up, and it counts authentication a second time. For blocklists ask maildoctor ip ADDRESS.`
