using System;

struct Money
{
    public int Cents;
    public Money(int cents) { Cents = cents; }
    public static Money operator +(Money a, Money b) { return new Money(a.Cents + b.Cents); }
    public static bool operator ==(Money a, Money b) { return a.Cents == b.Cents; }
    public static bool operator !=(Money a, Money b) { return a.Cents != b.Cents; }
    public override bool Equals(object o) { return o is Money && (Money)o == this; }
    public override int GetHashCode() { return Cents; }
    public override string ToString() { return Cents + " cents"; }
}

class NullableProgram
{
    static string Show<T>(T? x) where T : struct { return x.HasValue ? "some " + x.Value : "none"; }
    static int? Parse(string s) { int x; return int.TryParse(s, out x) ? x : (int?)null; }
    static int? Half(int? x) { return x % 2 == 0 ? x / 2 : null; }
    static string Kind(object o)
    {
        if (o is int?) return "int? " + (int)o;
        if (o == null) return "null";
        return "other";
    }
    static int evaluated;
    static int? Effect(int? x) { evaluated++; return x; }

    static void Main()
    {
        int? none = null, five = 5, seven = 7;
        Console.WriteLine(Show(none) + ", " + Show(five));
        Console.WriteLine(five.Value + " " + five.GetValueOrDefault() + " " + none.GetValueOrDefault() + " " + none.GetValueOrDefault(-1));
        Console.WriteLine(Show(five + seven) + ", " + Show(five + none) + ", " + Show(five * 3) + ", " + Show(-none) + ", " + Show(-five));
        Console.WriteLine((five < seven) + " " + (five < none) + " " + (five > none) + " " + (none == null) + " " + (five == 5) + " " + (five != none) + " " + (none != none));
        Console.WriteLine((none ?? 1) + " " + (five ?? 1) + " " + (none ?? seven ?? 3) + " " + (none ?? none ?? 3));
        Console.WriteLine(Show(Half(8)) + ", " + Show(Half(7)) + ", " + Show(Half(null)));
        Console.WriteLine(Show(Parse("12")) + ", " + Show(Parse("x")) + ", " + Show(Parse("3") + Parse("4")));

        bool? t = true, f = false, u = null;
        foreach (bool? a in new bool?[] { t, f, u })
            foreach (bool? b in new bool?[] { t, f, u })
                Console.WriteLine(Show(a) + " " + Show(b) + ": " + Show(a & b) + ", " + Show(a | b) + ", " + Show(a ^ b) + ", " + Show(!a));

        object boxed = five, boxedNone = none;
        Console.WriteLine((boxed is int) + " " + (boxed is int?) + " " + (boxedNone == null) + " " + (boxedNone is int?));
        Console.WriteLine((int)boxed + " " + Show((int?)boxed) + " " + Show((int?)boxedNone));
        Console.WriteLine(Kind(5) + ", " + Kind(null) + ", " + Kind("x") + ", " + Kind(five) + ", " + Kind(none));
        Console.WriteLine(Show(boxed as int?) + ", " + Show((object)"text" as int?) + ", " + Show(boxed as long?));
        Console.WriteLine(five.Equals(5) + " " + none.Equals(null) + " " + five.Equals(none) + " " + five.GetHashCode() + " " + none.GetHashCode() + " [" + none + "] [" + five.ToString() + "]");
        Console.WriteLine(five.GetType() == typeof(int));
        try { Console.WriteLine(none.Value); }
        catch (InvalidOperationException) { Console.WriteLine("no value"); }
        try { Console.WriteLine((int)none); }
        catch (InvalidOperationException) { Console.WriteLine("no value to convert"); }
        try { Console.WriteLine((long?)boxed); }
        catch (InvalidCastException) { Console.WriteLine("not a long"); }
        try { none.GetType(); }
        catch (NullReferenceException) { Console.WriteLine("no type"); }

        Money? m = new Money(150), nothing = null;
        Console.WriteLine(Show(m + new Money(50)) + ", " + Show(m + nothing) + ", " + (m == new Money(150)) + ", " + (m != nothing) + ", " + (nothing == null));
        five++;
        none++;
        five += seven;
        Console.WriteLine(Show(five) + ", " + Show(none));
        long? widened = five;
        byte? narrowed = (byte?)(five + 250);
        double? real = seven / 2.0;
        Console.WriteLine(Show(widened) + ", " + Show(narrowed) + ", " + (int)(real * 10) + ", " + Show((int?)real));
        DayOfWeek? day = DayOfWeek.Tuesday;
        Console.WriteLine((int)day.Value + " " + day.HasValue);

        int?[] array = { 1, null, 3 };
        array[1] += 5;
        array[2] += 5;
        int total = 0;
        foreach (int? x in array)
            total += x ?? 100;
        Console.WriteLine(total);
        Console.WriteLine(Effect(1) + Effect(null) + "|" + evaluated);
        Func<int?, int?> twice = x => x * 2;
        Console.WriteLine(Show(twice(21)) + ", " + Show(twice(null)));
        Console.WriteLine(Nullable.Compare(five, none) + " " + Nullable.Equals(none, (int?)null));
    }
}
