using System;
using System.Reflection;

[AttributeUsage(AttributeTargets.All)]
class MarkAttribute : Attribute
{
    public readonly string Text;
    public int Number { get; set; }
    public MarkAttribute(string text) { Text = text; }
}

[Mark("on class", Number = 5)]
class Subject
{
    public int Field = 3;
    string hidden = "hidden";
    public static int Shared = 9;
    public string Property { get; set; }
    public Subject() { Property = "default"; }
    public Subject(string p) { Property = p; }
    [Mark("on method")] public int Add(int a, int b) { return a + b + Field; }
    public static string Join<T>(T a, T b) { return a + "+" + b; }
    string Hidden(string s) { return hidden + s; }
    public void Fails() { throw new InvalidOperationException("failed"); }
}

class Generic<T, U> { public T First; public U Second; public class Inner { } }

class LateReflection
{
    static void Main()
    {
        Type t = typeof(Subject);
        Console.WriteLine(t.Name + " " + t.FullName + " " + t.IsClass + " " + t.BaseType + " " + t.IsAbstract);
        object o = Activator.CreateInstance(t);
        Console.WriteLine(t.GetMethod("Add").Invoke(o, new object[] { 1, 2 }));
        t.GetField("Field").SetValue(o, 100);
        Console.WriteLine(t.GetField("Field").GetValue(o) + " " + t.GetField("Shared").GetValue(null));
        t.GetProperty("Property").SetValue(o, "set", null);
        Console.WriteLine(t.GetProperty("Property").GetValue(o, null));
        Console.WriteLine(t.GetMethod("Hidden", BindingFlags.Instance | BindingFlags.NonPublic).Invoke(o, new object[] { "!" }));
        Console.WriteLine(((Subject)t.GetConstructor(new Type[] { typeof(string) }).Invoke(new object[] { "ctor" })).Property);
        Console.WriteLine(t.GetMethod("Join").MakeGenericMethod(typeof(int)).Invoke(null, new object[] { 5, 6 }));
        try { t.GetMethod("Fails").Invoke(o, null); }
        catch (TargetInvocationException e) { Console.WriteLine(e.InnerException.Message); }
        foreach (MethodInfo m in t.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            Console.WriteLine(m);
        foreach (ParameterInfo p in t.GetMethod("Add").GetParameters())
            Console.WriteLine(p.Position + " " + p.Name + " " + p.ParameterType);
        var mark = (MarkAttribute)Attribute.GetCustomAttribute(t, typeof(MarkAttribute));
        Console.WriteLine(mark.Text + " " + mark.Number);
        Console.WriteLine(((MarkAttribute)t.GetMethod("Add").GetCustomAttributes(false)[0]).Text);
        Console.WriteLine(typeof(Generic<int, string>) + " " + typeof(Generic<,>) + " " + typeof(Generic<int, string>).GetGenericArguments()[1]);
        Console.WriteLine(typeof(Generic<,>).MakeGenericType(typeof(long), t) + " " + typeof(Generic<int, int>.Inner));
        Console.WriteLine(typeof(int[]) + " " + typeof(int[,]) + " " + typeof(int).MakeArrayType() + " " + typeof(int).MakeByRefType() + " " + typeof(int[]).GetElementType());
        Console.WriteLine(Type.GetType("System.String") + " " + (Type.GetType("No.Such") == null) + " " + typeof(IComparable).IsAssignableFrom(typeof(int)));
        var add = (Func<int, int, int>)Delegate.CreateDelegate(typeof(Func<int, int, int>), o, "Add");
        var open = (Func<Subject, int, int, int>)Delegate.CreateDelegate(typeof(Func<Subject, int, int, int>), t.GetMethod("Add"));
        Console.WriteLine(add(1, 1) + " " + open((Subject)o, 2, 2));
        Console.WriteLine(Assembly.GetExecutingAssembly().GetName().Name + " " + Assembly.GetExecutingAssembly().EntryPoint);
        Console.WriteLine(5.GetType() + " " + "".GetType() + " " + new object[0].GetType() + " " + add.GetType());
    }
}
