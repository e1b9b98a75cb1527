// Counts the events of an encoded GetEventsResponse without decoding them: a flood of millions is more than a generic decoder keeps up
// with. Field numbers are those of capsule8.api.v0 (GetEventsResponse.events 1, TelemetryEvent.event 2, Event.lost 102,
// LostRecordEvent.lost 1 and .cause 1000).

let bytes;
let at;

function varint() {
	let value = 0;
	let scale = 1;

	for (;;) {
		const byte = bytes[at++];

		value += (byte & 0x7f) * scale;
		if (byte < 0x80)
			return value;
		scale *= 128;
	}
}

function skip(wireType) {
	switch (wireType) {
	case 0:
		varint();
		break;
	case 1:
		at += 8;
		break;
	case 2: {
		const length = varint();
		at += length;
		break;
	}
	case 5:
		at += 4;
		break;
	default:
		throw new Error(`wire type ${wireType}`);
	}
	if (at > bytes.length)
		throw new Error('a field is longer than its message');
}

// Calls field(number) for each field of a message that ends at `end`; when that returns false it is skipped.
function fields(end, field) {
	while (at < end) {
		const tag = varint();
		const number = Math.floor(tag / 8);

		if (!field(number, end))
			skip(tag % 8);
	}
	if (at !== end)
		throw new Error('a message does not end where it should');
}

// Returns { events, lost, lostByCause }; `events` without the loss reports. Calls each(object) with sequence number and pid of every event
// when it is given.
export function scan(response, each) {
	const found = { events: 0, lost: 0, lostByCause: {} };
	let event;

	const inLost = (number) => {
		if (number === 1)
			event.lost = varint();
		else if (number === 1000)
			event.cause = varint();
		else
			return false;
		return true;
	};
	const inEvent = (number) => {
		if (number === 6)
			event.sequence = varint();
		else if (number === 3)
			event.pid = varint();
		else if (number === 10 && each) {
			const length = varint();
			fields(at + length, inSyscall);
		} else if (number === 102) {
			event.isLost = true;
			const length = varint();
			fields(at + length, inLost);
		} else
			return false;
		return true;
	};
	const inSyscall = (number) => {
		if (number < 10 || number > 15)
			return false;
		event[`arg${number - 10}`] = varint();
		return true;
	};
	const inTelemetryEvent = (number) => {
		if (number !== 2)
			return false;
		const length = varint();
		fields(at + length, inEvent);
		return true;
	};
	const inResponse = (number) => {
		if (number !== 1)
			return false;
		const length = varint();
		event = { sequence: 0, pid: 0, arg0: 0, arg1: 0, isLost: false, lost: 0, cause: 0 };
		fields(at + length, inTelemetryEvent);
		if (event.isLost) {
			found.lost += event.lost;
			found.lostByCause[event.cause] = (found.lostByCause[event.cause] ?? 0) + event.lost;
		} else {
			found.events++;
		}
		each?.(event);
		return true;
	};

	bytes = response;
	at = 0;
	fields(bytes.length, inResponse);
	return found;
}
