using System;
using System.Globalization;

// Numeric format strings, standard and custom, for all numeric types.
class TextFormats
{
    static readonly CultureInfo Inv = CultureInfo.InvariantCulture;
    static void Show(string format, IFormattable value)
    {
        string text;
        try { text = value.ToString(format, Inv); }
        catch (FormatException e) { text = "! " + e.Message; }
        Console.WriteLine(format + ": " + text);
    }

    static void Main()
    {
        string[] integer = { "D", "D8", "X", "x6", "N", "N0", "C", "C3", "E", "E2", "F", "F3", "G", "G3", "P", "P0", "R", "0000", "#,##0", "#.##", "0.00;(0.00);zero", "#%", "0 'units'", "\\#0", "Q" };
        foreach (string f in integer)
            foreach (IFormattable v in new IFormattable[] { 0, 42, -1234567, long.MinValue, ulong.MaxValue, (byte)200, (short)-5, (sbyte)-128, (ushort)65535, 4000000000u })
                Show(f, v);
        string[] floats = { "C", "E", "e3", "F", "F0", "F10", "G", "G5", "G17", "N", "N3", "P", "P1", "R", "0.###", "#,#.00#", "0.0e+0", "000.000", "+0.0;-0.0;0", "##.##%", "0.00‰" };
        foreach (string f in floats)
            foreach (double v in new[] { 0.0, 1.0, -1.5, 3.14159265358979, 1e10, 1.5e-7, 123456789.125, 1e100, double.MaxValue, double.Epsilon, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0.5, 2.5, -0.0 })
                Show(f, v);
        foreach (string f in new[] { "G", "R", "F2", "E", "N", "G9" })
            foreach (float v in new[] { 0f, 1f, 0.1f, 16777216f, 3.4028235e38f, 1.401298e-45f, -2.75f, float.NaN })
                Show(f, v);
        foreach (string f in new[] { "G", "C", "N", "F1", "E4", "P", "0.00", "#,##0.###", "G3" })
            foreach (decimal v in new[] { 0m, 1m, -1.5m, 79228162514264337593543950335m, 0.0000000000000000000000000001m, 123456.789m, 2.50m })
                Show(f, v);
        Console.WriteLine(string.Format(Inv, "{0,5}|{0,-5}|{0:D3}|{1,8:F2}|{1,-8:E1}|{{}}", 42, 3.14159));
        Console.WriteLine(string.Format(Inv, "{0:X}{1:x8}{2}", 255, -1, null) + string.Format("{0}", new object[] { "a" }));
        Console.WriteLine(1.0.ToString(Inv) + " " + 100.0f.ToString(Inv) + " " + 1e15.ToString(Inv) + " " + 1e16.ToString(Inv) + " " + 0.0001.ToString(Inv) + " " + 0.00001.ToString(Inv));
        for (int d = 0; d < 20; d++) Console.Write((1.0 / 3 * Math.Pow(10, d - 5)).ToString(Inv) + " ");
        Console.WriteLine();
    }
}
