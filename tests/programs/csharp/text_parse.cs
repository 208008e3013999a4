using System;
using System.Globalization;

// Parsing of numbers, booleans, characters, enumerations, versions.
class TextParse
{
    static readonly CultureInfo Inv = CultureInfo.InvariantCulture;
    [Flags] enum Days : byte { None, Mon = 1, Tue = 2, Wed = 4, Mid = Tue | Wed }
    static void Try(string what, Func<object> f)
    {
        try { Console.WriteLine(what + " = " + Convert.ToString(f(), Inv)); }
        catch (Exception e) { Console.WriteLine(what + " ! " + e.GetType().Name + ": " + e.Message); }
    }

    static void Main()
    {
        foreach (string s in new[] { "0", "42", " -17 ", "+5", "2147483647", "2147483648", "-2147483648", "1,000", "0x10", "", "  ", "1e3", "12a", "--1", "1.0", "٣" })
        {
            Try("int " + s, () => int.Parse(s, Inv));
            Try("any " + s, () => int.Parse(s, NumberStyles.Any, Inv));
            Try("ulong " + s, () => ulong.Parse(s, NumberStyles.Number, Inv));
            Try("sbyte " + s, () => sbyte.Parse(s, Inv));
        }
        foreach (string s in new[] { "ff", "FFFFFFFF", "100000000", "g", "0xff", " 7F " }) Try("hex " + s, () => int.Parse(s, NumberStyles.HexNumber, Inv));
        foreach (string s in new[] { "1.5", "-0", "1e400", "-1e-400", "NaN", "Infinity", "-Infinity", ".5", "5.", "1,234.5", "(5)", "$3", "1.7976931348623157e308", "4.94065645841247E-324", "0.1", "123456789012345678901234567890", "1e", "abc", "3.14159265358979323846" })
        {
            Try("double " + s, () => BitConverter.DoubleToInt64Bits(double.Parse(s, Inv)));
            Try("float " + s, () => float.Parse(s, Inv));
            Try("decimal " + s, () => decimal.Parse(s, NumberStyles.Any, Inv));
            Try("currency " + s, () => double.Parse(s, NumberStyles.Currency, Inv));
        }
        foreach (string s in new[] { "true", "FALSE", " True ", "1", "" }) Try("bool " + s, () => bool.Parse(s));
        foreach (string s in new[] { "x", "", "xy" }) Try("char " + s, () => char.Parse(s));
        foreach (string s in new[] { "Mon", "mon", "Mon, Wed", "3", "7", "256", "Nope", "", "Mid", "None,Tue" })
        {
            Try("enum " + s, () => Enum.Parse(typeof(Days), s));
            Try("enum ignoring case " + s, () => Enum.Parse(typeof(Days), s, true));
        }
        foreach (string s in new[] { "1.2", "1.2.3", "1.2.3.4", "1", "1.2.3.4.5", "a.b" }) Try("version " + s, () => new Version(s));
        foreach (string s in new[] { "1.02:03:04.5", "5", "00:00:01", "25:00:00", "x", "-3.00:00", "1:60" }) Try("span " + s, () => TimeSpan.Parse(s, Inv));
        foreach (string s in new[] { "2000-02-29", "2001-02-29", "12/31/1999", "1999-12-31T23:59:59", "2010-01-01 10:20 PM", "Sat, 01 Nov 2008 19:35:00 GMT", "10:30", "now" })
            Try("date " + s, () => { var d = DateTime.ParseExact(s, new[] { "yyyy-MM-dd", "MM/dd/yyyy", "s", "yyyy-MM-dd hh:mm tt", "R" }, Inv, DateTimeStyles.None); return d.Ticks + " " + d.Kind; });
        foreach (string s in new[] { "2000-02-29", "12/31/1999", "1999-12-31T23:59:59Z", "January 5, 2011", "5 Mar 2012 7:08:09 AM", "garbage" })
            Try("loose date " + s, () => DateTime.Parse(s, Inv, DateTimeStyles.AdjustToUniversal).Ticks);
        foreach (string s in new[] { "00010203-0405-0607-0809-0a0b0c0d0e0f", "{00010203-0405-0607-0809-0a0b0c0d0e0f}", "000102030405060708090a0b0c0d0e0f", "xyz" }) Try("guid " + s, () => Guid.Parse(s).ToString("B"));
        foreach (string s in new[] { "17", "0x1f", "017", "-1" }) foreach (int b in new[] { 2, 8, 10, 16 }) Try("base " + b + " " + s, () => Convert.ToInt32(s, b));
    }
}
