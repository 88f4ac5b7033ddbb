/** Of both elements. What a page may want to change is a custom property or a part. */
export const VALUE_STYLE = `
:host {
  font-variant-numeric: tabular-nums;
}
.mark {
  color: var(--move);
  font-size: 0.7em;
}
.mark:empty {
  visibility: hidden;
}
.up {
  --move: var(--ticker-up, light-dark(#0b6b3a, #57d593));
}
.down {
  --move: var(--ticker-down, light-dark(#b3261c, #ff8f84));
}
.doubtful {
  color: var(--ticker-stale, color-mix(in srgb, currentColor 75%, transparent));
  text-decoration: underline dashed;
}
.doubtful, .note {
  font-style: italic;
}
.unseen {
  clip-path: inset(50%);
  height: 1px;
  overflow: hidden;
  position: absolute;
  width: 1px;
}
`;

export const TAPE_STYLE = `
:host {
  align-items: center;
  display: flex;
}
:host([hidden]), [hidden] {
  display: none !important;
}
.window {
  container-type: inline-size;
  direction: ltr;
  flex: 1;
  overflow: hidden;
}
.still {
  overflow-x: auto;
}
.track {
  display: flex;
  width: max-content;
}
ul {
  display: flex;
  justify-content: space-around;
  list-style: none;
  margin: 0;
  min-width: 100cqi;
  padding: 0;
}
li {
  margin: 0.4em var(--ticker-gap, 1.2em);
  white-space: nowrap;
}
.mark {
  display: inline-block;
  min-width: 1.2em;
}
.note {
  max-width: 60%;
}
button {
  background: none;
  border: 0;
  color: inherit;
  height: 24px;
}
`;
