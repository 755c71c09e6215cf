// GObject introspection, as gjs uses it: scalars, strings, memory, callbacks, signals, virtual functions, threads.
//
// The functions are GLib's own: gjs calls what has a description in a typelib, and a library of ours has none.

const {GLib, GObject, Gio} = imports.gi;

function check(what, expected, found) {
    const [right, wrong] = [expected, found].map(value => JSON.stringify(value));
    if (right !== wrong) {
        printerr(`wrong: ${what}: ${wrong}, not ${right}`);
        imports.system.exit(1);
    }
}

// Scalars of every width, in and out.
for (let number = 0; number < 250; number++) {
    check('bit_nth_lsf', number % 31, GLib.bit_nth_lsf(1 << number % 31, -1));
    check('bit_storage', (number + 1).toString(2).length, GLib.bit_storage(number + 1));
    check('ascii_string_to_unsigned', [true, number * 1000003],
        GLib.ascii_string_to_unsigned(String(number * 1000003), 10, 0, 1e9));
    check('ascii_string_to_signed', [true, -number], GLib.ascii_string_to_signed(String(-number), 10, -1e9, 0));
    check('ascii_strtod', [number + 0.5, ' m'], GLib.ascii_strtod(`${number}.5 m`));
}
check('unichar_toupper', 'Ü', GLib.unichar_toupper('ü'));
const values = [255, -32768, 65535, -2147483648, 4294967295, -9007199254740991, 9007199254740991, -2.25, true, 'text'];
check('Variant', values, new GLib.Variant('(ynqiuxtdbs)', values).deepUnpack());

// Strings and memory that changes hands.
check('strescape', 'a\\n', GLib.strescape('a\n', null));
check('shell_parse_argv', [true, ['a', 'b', 'c d']], GLib.shell_parse_argv('a b "c d"'));
check('base64_encode', 'AQID', GLib.base64_encode([1, 2, 3]));
check('checksum', '900150983cd24fb0d6963f7d28e17f72',
    GLib.compute_checksum_for_string(GLib.ChecksumType.MD5, 'abc', -1));
const day = GLib.Date.new_dmy(29, 2, 2024);
day.add_days(1);
check('Date', [1, 3, 2024], [day.get_day(), day.get_month(), day.get_year()]);
check('DateTime', '2024-02-29 12:30:01', GLib.DateTime.new_utc(2024, 2, 29, 12, 30, 1.5).format('%F %T'));

// Callbacks: one that is called while the call lasts, and one that is called later.
const store = new Gio.ListStore({item_type: Gio.SimpleAction.$gtype});
const names = Array.from({length: 40}, (_, index) => `n${(index * 17) % 40 + 10}`);
names.forEach(name => store.append(new Gio.SimpleAction({name})));
store.sort((a, b) => a.name < b.name ? -1 : 1);
check('sort', [...names].sort(), names.map((_, index) => store.get_item(index).name));
const loop = new GLib.MainLoop(null, false);
for (let round = 0; round < 50; round++) {
    let left = 4;
    GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
        if (--left === 0)
            loop.quit();
        return left !== 0;
    });
    loop.run();
    check('idle_add', 0, left);
}

// A thread of GLib's reads, and the main loop calls back.
let read = 0;
for (let number = 0; number < 8; number++) {
    Gio.File.new_for_path('/proc/self/stat').load_contents_async(null, (file, result) => {
        check('load_contents_finish', true, file.load_contents_finish(result)[0]);
        if (++read === 8)
            loop.quit();
    });
}
loop.run();

// Signals, whose values GLib's generic marshaller passes by ffi_call to a closure.
const {TYPE_INT, TYPE_DOUBLE, TYPE_STRING, TYPE_INT64, TYPE_UCHAR, TYPE_FLOAT} = GObject;
const Body = GObject.registerClass({
    Properties: {
        'mass': GObject.ParamSpec.double('mass', '', '', GObject.ParamFlags.READWRITE, -1e9, 1e9, 0),
    },
    Signals: {
        'moved': {
            param_types: [TYPE_INT, TYPE_DOUBLE, TYPE_STRING, TYPE_INT64, TYPE_UCHAR, TYPE_FLOAT],
            return_type: TYPE_INT,
        },
    },
}, class Body extends GObject.Object {
    get mass() {
        return this._mass ?? 0;
    }

    set mass(value) {
        this._mass = value;
    }
});
const body = new Body();
let arguments_;
body.connect('moved', (_, ...found) => {
    arguments_ = found;
    return found[0] - 1;
});
for (let number = 0; number < 100; number++) {
    const sent = [-number, number + 0.5, `${number}`, -9007199254740991 + number, 200 - number, number / 4];
    check('emit', -number - 1, body.emit('moved', ...sent));
    check('moved', sent, arguments_);
}
body.mass = 4.5;
check('property', 4.5, body.mass);

// Virtual functions, which C calls: all of a stream's, and those of an interface.
const Written = GObject.registerClass(class Written extends Gio.OutputStream {
    vfunc_write_fn(bytes) {
        this.count = (this.count ?? 0) + bytes.length;
        return bytes.length;
    }
});
const written = new Written();
written.write_all([1, 2, 3, 4, 5], null);
check('write_fn', 5, written.count);
const Model = GObject.registerClass({Implements: [Gio.ListModel]}, class Model extends GObject.Object {
    vfunc_get_item_type() {
        return Body.$gtype;
    }

    vfunc_get_n_items() {
        return 77;
    }

    vfunc_get_item(position) {
        return position < 77 ? body : null;
    }
});
const model = new Model();
check('get_n_items', 77, model.get_n_items());
check('get_item', [true, true], [model.get_item(76) === body, model.get_item(77) === null]);
