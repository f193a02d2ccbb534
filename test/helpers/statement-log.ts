/** The statements of the program out of a server's log, whichever process of it sent them; each is kept once. */

/** What the server must be told so that its log can be read. */
export const statementLogSettings: readonly string[] = [
  'log_statement=all',
  'log_parameter_max_length=0',
  'log_line_prefix=%a|',
];

const firstLine = /^([^|\n]*)\|LOG: {2}(?:statement|execute [^:]*): (.*)$/;

export class StatementLog {
  readonly statements: Set<string> = new Set();
  readonly #application: string;
  #rest = '';
  #lines: string[] | undefined;

  constructor(application: string) {
    this.#application = application;
  }

  /** A piece of the log as it comes, cut anywhere. */
  add(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#addLine(line);
  }

  end(): void {
    this.#addLine(this.#rest);
    this.#keep();
  }

  #addLine(line: string): void {
    // Further lines of one message are indented by the server.
    if (line.startsWith('\t')) {
      this.#lines?.push(line.slice(1));
      return;
    }
    this.#keep();
    const [, application, statement = ''] = firstLine.exec(line) ?? [];
    if (application === this.#application) this.#lines = [statement];
  }

  #keep(): void {
    if (this.#lines !== undefined) this.statements.add(this.#lines.join('\n'));
    this.#lines = undefined;
  }
}
