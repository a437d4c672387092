/** What an error of the service says of itself. */
export interface ErrorFields {
  /** The status of the answer; 0 where none came. */
  readonly status: number;
  /** A word for programs, as the service's page of errors lists them; `network_error` where no answer came. */
  readonly code: string | null;
  /** The field at fault, as a path: `input[3].image`. */
  readonly param: string | null;
  /** Names the request in the service's log. */
  readonly requestId: string | null;
}

/** A request that failed: the service refused it, or was not reached. */
export class SoftmarginError extends Error implements ErrorFields {
  override readonly name = 'SoftmarginError';
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;
  readonly requestId: string | null;

  constructor(
    message: string,
    { status, code, param, requestId }: Partial<ErrorFields> & Pick<ErrorFields, 'status'>,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = status;
    this.code = code ?? null;
    this.param = param ?? null;
    this.requestId = requestId ?? null;
  }
}

/** The error that an answer tells of: in OpenAI's form, or whatever stands before the service said. */
export async function errorOf(response: Response): Promise<SoftmarginError> {
  const { status } = response;
  const requestId = response.headers.get('X-Request-Id');
  const text = await response.text().catch(() => '');
  const details = detailsIn(text);
  if (details === undefined) {
    const said = text.trim().replaceAll(/\s+/g, ' ').slice(0, 200);
    return new SoftmarginError(`The service answered ${status}${said === '' ? '' : `: ${said}`}`, {
      status,
      requestId,
    });
  }
  const { message, code, param } = details;
  const word = (value: unknown) => (typeof value === 'string' ? value : null);
  return new SoftmarginError(message, { status, code: word(code), param: word(param), requestId });
}

function detailsIn(text: string): { message: string; code?: unknown; param?: unknown } | undefined {
  try {
    const { error } = JSON.parse(text);
    return typeof error?.message === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
