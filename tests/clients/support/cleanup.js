// What a test has to undo, in reverse order, like destructors. (node:test runs its own `after` hooks first to last.)
const stacks = new WeakMap();

async function unwind(stack) {
	const errors = [];

	while (stack.length) {
		try {
			await stack.pop()();
		} catch (error) {
			errors.push(error);
		}
	}
	if (errors.length)
		throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map((error) => error.message).join('\n'));
}

export function cleanup(t, undo) {
	if (!stacks.has(t)) {
		const stack = [];

		stacks.set(t, stack);
		t.after(() => unwind(stack));
	}
	stacks.get(t).push(undo);
}
