using System;
using System.Globalization;

// System.Convert between all pairs of types, with overflow, rounding and null.
class ConvertTypes
{
    static void Main()
    {
        object[] values = { true, 'A', (sbyte)-5, (byte)200, (short)-300, (ushort)60000, -70000, 4000000000u, long.MinValue, ulong.MaxValue, 2.5f, -3.5, 1e20, 123.456m, "77", "-1", "True", "x", "2.5", null, new DateTime(2001, 2, 3), DBNull.Value };
        TypeCode[] codes = { TypeCode.Boolean, TypeCode.Char, TypeCode.SByte, TypeCode.Byte, TypeCode.Int16, TypeCode.UInt16, TypeCode.Int32, TypeCode.UInt32, TypeCode.Int64, TypeCode.UInt64, TypeCode.Single, TypeCode.Double, TypeCode.Decimal, TypeCode.DateTime, TypeCode.String };
        foreach (object v in values)
            foreach (TypeCode c in codes)
            {
                string text;
                try
                {
                    object r = Convert.ChangeType(v, c, CultureInfo.InvariantCulture);
                    text = r == null ? "null" : r.GetType().Name + " " + (r is char ? ((int)(char)r).ToString() : Convert.ToString(r, CultureInfo.InvariantCulture));
                }
                catch (Exception e) { text = e.GetType().Name + ": " + e.Message; }
                Console.WriteLine(Convert.ToString(v, CultureInfo.InvariantCulture) + " -> " + c + ": " + text);
            }
        foreach (double d in new[] { 0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 2147483647.4, 2147483647.5, -2147483648.5 })
        {
            try { Console.Write(Convert.ToInt32(d) + " "); } catch (OverflowException) { Console.Write("overflow "); }
        }
        Console.WriteLine();
        foreach (int b in new[] { 2, 8, 10, 16 }) Console.Write(Convert.ToString(-42, b) + " " + Convert.ToString((byte)200, b) + " " + Convert.ToString(long.MaxValue, b) + " ");
        Console.WriteLine();
        byte[] bytes = { 0, 1, 2, 250, 251, 252, 253, 254, 255, 77 };
        string text64 = Convert.ToBase64String(bytes);
        Console.WriteLine(text64 + " " + BitConverter.ToString(Convert.FromBase64String(text64)));
        Console.WriteLine(Convert.ToBase64String(new byte[80], Base64FormattingOptions.InsertLineBreaks).Replace("\r\n", "|"));
        foreach (string bad in new[] { "A", "AB==C", "A*==", "====" }) try { Console.WriteLine(Convert.FromBase64String(bad).Length); } catch (FormatException) { Console.WriteLine("bad base64 " + bad); }
        Console.WriteLine(Convert.IsDBNull(DBNull.Value) + " " + Convert.GetTypeCode(5m) + " " + Convert.GetTypeCode(null) + " " + Convert.GetTypeCode(DBNull.Value));
    }
}
