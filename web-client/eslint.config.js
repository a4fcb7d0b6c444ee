// What the linter holds us to; the arrows between folders are those of ARCHITECTURE.md.
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

/** Forbids imports from the named folders of src/. */
const without = (...folders) => [
  "error",
  { patterns: [{ group: folders.flatMap((f) => [`**/${f}/**`, `**/${f}`]), message: "This arrow is not drawn in ARCHITECTURE.md." }] },
];

export default ts.config(
  { ignores: ["dist/", "node_modules/", "src/vault/wasm/", "src/protocol/"] },
  ...ts.configs.strictTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: {
      globals: { ...globals.browser },
      parserOptions: {
        projectService: false,
        project: ["./tsconfig.json", "./tsconfig.vault.json", "./tsconfig.node.json"],
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: [".svelte"],
      },
    },
    rules: {
      "no-console": "error",
      "no-eval": "error",
      eqeqeq: "error",
      "max-lines": ["error", { max: 600, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["error", { max: 70, skipBlankLines: true, skipComments: true }],
      "no-restricted-properties": ["error", ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({ property, message: "Trusted Types." }))],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/only-throw-error": "error",
      "svelte/no-at-html-tags": "error",
      // Maps and sets are replaced as a whole here, never changed while somebody looks.
      "svelte/prefer-svelte-reactivity": "off",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    files: ["**/*.svelte"],
    rules: {
      // A component's script is not one function.
      "max-lines-per-function": "off",
      "@typescript-eslint/no-confusing-void-expression": "off",
      // svelte-check knows the types inside a template; the parser of the linter does not.
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  { files: ["src/ui/**"], rules: { "no-restricted-imports": without("session", "media", "vault", "views", "i18n", "room") } },
  { files: ["src/desk/**"], rules: { "no-restricted-imports": without("session", "media", "vault", "views", "ui") } },
  { files: ["src/room/**"], rules: { "no-restricted-imports": without("session", "media", "vault", "views", "ui") } },
  { files: ["src/media/**"], rules: { "no-restricted-imports": without("session", "vault", "views", "ui") } },
  { files: ["src/vault/**"], rules: { "no-restricted-imports": without("session", "media", "views", "ui", "room", "i18n") } },
  { files: ["src/session/**"], rules: { "no-restricted-imports": without("views", "ui") } },
  { files: ["src/i18n/**"], rules: { "no-restricted-imports": without("session", "media", "vault", "views", "ui", "room") } },
  { files: ["**/*.test.ts"], rules: { "max-lines-per-function": "off" } },
  { files: ["**/*.js", "**/*.mjs"], extends: [ts.configs.disableTypeChecked], languageOptions: { globals: { ...globals.node } }, rules: { "no-console": "off" } },
);
