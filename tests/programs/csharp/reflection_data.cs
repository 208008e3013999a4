// Attributes as data, tokens to members, bodies, modifiers, marshalling, names of assemblies.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;

[AttributeUsage(AttributeTargets.All, AllowMultiple = true)]
class NoteAttribute : Attribute
{
    public NoteAttribute(string text, params int[] numbers) { }
    public NoteAttribute(object value) { }
    public Type Kind;
    public DayOfWeek Day { get; set; }
}

[Note("class", 1, 2, 3, Kind = typeof(List<int>), Day = DayOfWeek.Friday)]
[Note((object)DayOfWeek.Monday)]
class Subject
{
    [Note((object)null)] public volatile int Field;
    [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 16)] public string Text;
    [DllImport("libc", EntryPoint = "getpid", SetLastError = true, CharSet = CharSet.Ansi)] public static extern int Pid();
    public static T Generic<T>(List<T> list, ref int n) where T : class { return list[n]; }
    [return: MarshalAs(UnmanagedType.Bool)]
    public bool Body(int a, [MarshalAs(UnmanagedType.LPWStr)] string s, [Optional] int z)
    {
        string copy = s;
        try { return copy.Length / a > 1; }
        catch (DivideByZeroException e) { return e == null; }
        finally { Field++; }
    }
}

class Program
{
    static void Main()
    {
        Data(typeof(Subject).GetCustomAttributesData());
        Data(typeof(Subject).GetField("Field").GetCustomAttributesData());
        Tokens();
        Body();
        Marshalled();
        Names();
    }

    static string Show(CustomAttributeTypedArgument a)
    {
        var list = a.Value as IEnumerable<CustomAttributeTypedArgument>;
        return a.ArgumentType.Name + " " + (list == null ? a.Value ?? "null" : "[" + string.Join(", ", list.Select(Show)) + "]");
    }

    static void Data(IList<CustomAttributeData> list)
    {
        foreach (var a in list.OrderBy(a => a.ConstructorArguments.Count))
        {
            Console.WriteLine(a.Constructor);
            foreach (var x in a.ConstructorArguments) Console.WriteLine("  {0}", Show(x));
            foreach (var x in a.NamedArguments) Console.WriteLine("  {0}: {1}", x.MemberInfo, Show(x.TypedValue));
        }
    }

    static void Tokens()
    {
        Module m = typeof(Program).Module;
        MethodInfo body = typeof(Subject).GetMethod("Body");
        Console.WriteLine(m.ResolveMethod(body.MetadataToken) == body);
        Console.WriteLine(m.ResolveType(typeof(Subject).MetadataToken) == typeof(Subject));
        FieldInfo field = typeof(Subject).GetField("Field");
        Console.WriteLine(m.ResolveField(field.MetadataToken) == field);
        Console.WriteLine(m.ResolveMember(field.MetadataToken));
        try { m.ResolveMethod(0x06ffffff); } catch (ArgumentOutOfRangeException) { Console.WriteLine("out of range"); }
        try { m.ResolveType(field.MetadataToken); } catch (ArgumentException) { Console.WriteLine("another table"); }
        byte[] il = typeof(Program).GetMethod("Literal", BindingFlags.Static | BindingFlags.NonPublic).GetMethodBody().GetILAsByteArray();
        int at = Array.IndexOf(il, (byte)0x72);
        Console.WriteLine(m.ResolveString(BitConverter.ToInt32(il, at + 1)));
        at = Array.IndexOf(il, (byte)0x28, at + 5);
        Console.WriteLine(m.ResolveMethod(BitConverter.ToInt32(il, at + 1)));
    }

    static void Literal() { Console.WriteLine("literal"); }

    static void Body()
    {
        MethodBody b = typeof(Subject).GetMethod("Body").GetMethodBody();
        Console.WriteLine("{0} {1}", b.InitLocals, b.GetILAsByteArray().Length > 20);
        foreach (var l in b.LocalVariables) Console.WriteLine("{0} {1} {2}", l.LocalIndex, l.LocalType, l.IsPinned);
        foreach (var c in b.ExceptionHandlingClauses) Console.WriteLine("{0} {1}", c.Flags, c.Flags == ExceptionHandlingClauseOptions.Clause ? c.CatchType.Name : "");
        Console.WriteLine(typeof(IDisposable).GetMethod("Dispose").GetMethodBody() == null);
        Console.WriteLine(string.Join(",", typeof(Subject).GetField("Field").GetRequiredCustomModifiers().Select(t => t.Name)));
        Console.WriteLine(typeof(Subject).GetField("Text").GetRequiredCustomModifiers().Length);
    }

    static void Marshalled()
    {
        var f = (MarshalAsAttribute)typeof(Subject).GetField("Text").GetCustomAttributes(typeof(MarshalAsAttribute), false)[0];
        Console.WriteLine("{0} {1}", f.Value, f.SizeConst);
        var p = typeof(Subject).GetMethod("Body").GetParameters()[1].GetCustomAttributes(false).OfType<MarshalAsAttribute>().Single();
        Console.WriteLine(p.Value);
        var d = (DllImportAttribute)typeof(Subject).GetMethod("Pid").GetCustomAttributes(typeof(DllImportAttribute), false)[0];
        Console.WriteLine("{0} {1} {2} {3} {4}", d.Value, d.EntryPoint, d.SetLastError, d.CharSet, d.CallingConvention);
    }

    static void Names()
    {
        var n = new AssemblyName("Some.Library, Version=1.2.3.4, Culture=de, PublicKeyToken=b77a5c561934e089");
        Console.WriteLine("{0} {1} {2} {3}", n.Name, n.Version, n.CultureName, BitConverter.ToString(n.GetPublicKeyToken()));
        Console.WriteLine(n);
        Console.WriteLine(new AssemblyName("plain").FullName);
        try { new AssemblyName("x, Version=what"); } catch (System.IO.FileLoadException) { Console.WriteLine("not a name"); }
        AssemblyName file = AssemblyName.GetAssemblyName(typeof(Enumerable).Assembly.Location);
        Console.WriteLine(file.FullName);
        Console.WriteLine(string.Join(",", typeof(Program).Assembly.GetReferencedAssemblies().Select(r => r.Name).OrderBy(r => r)));
    }
}
